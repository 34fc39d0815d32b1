//! mParticle's Firehose protocol: its requests, parsed borrowed from the text of the message, and the responses to them.
//!
//! It knows the settings that this integration asks for, and nothing of HTTP, queues or TikTok's API. Of a person's profile it
//! keeps ids that TikTok can match, MPID and audiences; the rest is skipped unread. What is wrong inside a profile costs at most that profile.

mod account;
mod erasure;
mod invalid;
mod json;
mod message;
mod plain;
mod profile;
mod reading;
mod registration;
mod response;
mod settings;
mod text;
mod users;

pub use account::Account;
pub use erasure::Erasure;
pub use invalid::{Field, Invalid};
pub use message::{Membership, Message, Request, Subscription, SubscriptionAction, parse};
pub use profile::{Action, Audience, Identity, LeftOut, MembershipChange, Profile};
pub use registration::{
    AudienceProcessing, BooleanSetting, BulkConfiguration, DsrProcessing, DsrType, IdentityPermission,
    ModuleRegistration, Permissions, SubscriptionSetting, TextSetting,
};
pub use response::Response;
pub use settings::{ACCESS_TOKEN, ACCOUNT_ID, AUDIENCE_ID, SEND_EMAIL, Setting};
pub use text::readable;
pub use users::Users;

/// The version of the protocol that is spoken here, in the form of mParticle's SDK.
pub const VERSION: &str = "3.2.0";
