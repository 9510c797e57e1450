//! One line of the access log.
