//! mParticle's Firehose protocol: its requests, parsed borrowed from the text of the message, and the responses to them.
//!
//! It knows the settings that this integration asks for, and nothing of HTTP, queues or TikTok's API. Of a person's profile it
//! keeps device ids, MPID and audiences; the rest is skipped unread. What is wrong inside a profile costs at most that profile.

mod account;
mod invalid;
mod json;
mod message;
mod profile;
mod reading;
mod registration;
mod response;
mod settings;
mod text;
mod users;

pub use account::Account;
pub use invalid::{Field, Invalid};
pub use message::{Membership, Message, Request, Subscription, SubscriptionAction, parse};
pub use profile::{Action, Audience, DeviceIdentity, LeftOut, MembershipChange, Profile};
pub use registration::{
    AudienceProcessing, BulkConfiguration, DevicePermission, ModuleRegistration, Permissions, TextSetting,
};
pub use response::Response;
pub use settings::{ACCESS_TOKEN, ACCOUNT_ID, AUDIENCE_ID, Setting};
pub use text::readable;
pub use users::Users;

/// The version of the protocol that is spoken here, in the form of mParticle's SDK.
pub const VERSION: &str = "3.2.0";
