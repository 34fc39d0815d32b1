//! Who may use which token: the connections of an advertiser, their states, and what changes them.
//!
//! Pure: no I/O and no clock. Times are milliseconds since 1970. A token enters a record only as [`Accepted`], which is built from
//! TikTok's own answer and from nothing else, so a request alone can neither create, fill nor change a record.

mod audiences;
mod brake;
mod connection;
mod forgotten;
mod mark;
mod probe_backoff;
mod probe_rate;
mod record;
mod stored;
mod token_status;

pub use audiences::Created;
pub use brake::Brake;
pub use connection::{Accepted, Connection, Source, State, UserId};
pub use mark::Mark;
pub use probe_backoff::ProbeBackoff;
pub use probe_rate::ProbeRate;
pub use record::{Record, Refusal, RevivedBy, Transition};
pub use stored::Unreadable;
pub use token_status::TokenStatus;
