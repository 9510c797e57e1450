//! Tokens: minted and verified with real databases, and with issuers behind real TLS.

mod built_in;
mod external;
mod provider;
