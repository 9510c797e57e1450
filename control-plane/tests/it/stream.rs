//! The configuration stream: a real server, and a worker that does what each test tells it.

mod answer;
mod connection;
mod delivery;
mod enrolment;
mod readiness;
mod revocation_list;
mod rig;
mod ticket_keys;
mod worker;
