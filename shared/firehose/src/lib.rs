//! mParticle's Firehose protocol: its requests, parsed borrowed and in one pass, and the responses to them.
//!
//! It knows the settings that this integration asks for, and nothing of HTTP, queues or TikTok's API. Of a person's profile it
//! keeps device ids, MPID and audiences; the rest is skipped unread.

mod invalid;
mod object;
mod profile;
mod registration;
mod request;
mod response;
mod settings;
mod wire;

pub use invalid::Invalid;
pub use profile::{Action, DeviceIdentity, IdentityEncoding, IdentityKind, MembershipChange, Profile, Text};
pub use registration::{
    AudienceProcessing, BulkConfiguration, DevicePermission, ModuleRegistration, Permissions, TextSetting,
};
pub use request::{Membership, Message, Request, Subscription, SubscriptionAction, parse};
pub use response::Response;
pub use settings::{ACCESS_TOKEN, ACCOUNT_ID, AUDIENCE_ID, Account, Setting};

/// The version of the protocol that is spoken here, in the form of mParticle's SDK.
pub const VERSION: &str = "3.2.0";
