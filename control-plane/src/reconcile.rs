//! Operations end here: recorded facts are judged by a pure function, on wake-up and on a timer.

pub use self::settle::{REFUSED, Refusal, SILENT, Verdict, WorkerFacts, settle};

mod settle;
