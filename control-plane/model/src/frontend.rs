//! Where a gateway listens.

use std::net::IpAddr;

use crate::child::child;
use crate::name::ResourceName;
use crate::port::Port;

/// The address that a frontend stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrontendAddress {
    /// Whatever the worker's settings say.
    ///
    /// Differs from Azure: there is no platform that owns addresses, so both a public address (`publicIPAddress`) and a
    /// private one that names none (`subnet` and `Dynamic`) are the worker's own address for frontends.
    OfWorker,
    /// `privateIPAddress`.
    Literal(IpAddr),
}

/// A frontend IP configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontendIpConfiguration {
    /// Its name.
    pub name: ResourceName,
    /// Where it listens.
    pub address: FrontendAddress,
}

/// A frontend port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontendPort {
    /// Its name.
    pub name: ResourceName,
    /// The number; unique in a gateway.
    pub port: Port,
}

child!(FrontendIpConfiguration, FRONTEND_IP_CONFIGURATIONS, 4);
child!(FrontendPort, FRONTEND_PORTS, 100);
