//! Who may use which token: the connections of an advertiser, their states, and what changes them.
//!
//! Pure: no I/O and no clock. Times are milliseconds since 1970. A token enters a record only as [`Accepted`], which is built from
//! TikTok's own answer and from nothing else, so a request alone can neither create, fill nor change a record.

mod asked;
mod audiences;
mod brake;
mod brought;
mod connection;
mod forgotten;
mod mark;
mod probe_rate;
mod record;
mod stored;

pub use asked::Asked;
pub use audiences::Created;
pub use brake::Brake;
pub use brought::Brought;
pub use connection::{Accepted, Connection, Source, State, UserId};
pub use mark::Mark;
pub use probe_rate::ProbeRate;
pub use record::{Became, How, Record, Refusal};
pub use stored::Unreadable;
