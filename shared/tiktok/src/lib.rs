//! TikTok's Business API v1.3: a client, its wire types, and what its answers mean.
//!
//! The only crate that knows TikTok's HTTP. It calls once and says what came of it; whether and when to call again is the
//! caller's to decide. It reads no environment and logs nothing.

mod acceptance;
mod account;
mod answer;
mod audience;
mod client;
mod credentials;
mod lenient;
mod mapping;
mod meaning;
mod oauth;

pub use acceptance::Acceptance;
pub use account::{AccountKind, AccountStatus, Advertiser};
pub use answer::{Answer, Failure, Trace, judge};
pub use audience::{Audience, AudiencePage, MAX_NAME_CHARS, NewAudience};
pub use client::{Client, InvalidAddress};
pub use credentials::AppCredentials;
pub use lenient::{List, Rows};
pub use mapping::{Action, Mapping, Row, Schema};
pub use meaning::{Meaning, Passing};
pub use oauth::{AdvertiserName, Grant, User};
