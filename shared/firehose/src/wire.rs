//! Every field that this product reads of any message, in one struct: a message is parsed once, before its type is known.

use serde::Deserialize;

use crate::object::{or_empty, read_from_objects};
use crate::profile::{Profile, Text};
use crate::request::SubscriptionAction;
use crate::settings::{SubscriptionSettings, WireAccount};

#[derive(Deserialize)]
#[serde(remote = "Self")]
pub(crate) struct Wire<'a> {
    #[serde(borrow, rename = "type", default)]
    pub(crate) kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) timestamp_ms: Option<i64>,
    /// Checked to be a text, and not used.
    #[serde(borrow, default, rename = "firehose_version")]
    _firehose_version: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) account: Option<WireAccount<'a>>,
    #[serde(borrow, default, deserialize_with = "or_empty")]
    pub(crate) user_profiles: Vec<Profile<'a>>,
    #[serde(default)]
    pub(crate) audience_id: Option<i64>,
    #[serde(borrow, default)]
    pub(crate) audience_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) audience_subscription_settings: Option<SubscriptionSettings<'a>>,
    #[serde(borrow, default)]
    pub(crate) previous_audience_subscription_settings: Option<SubscriptionSettings<'a>>,
    #[serde(default)]
    pub(crate) action: Option<SubscriptionAction>,
}

/// The type alone, whatever shape the other fields have.
#[derive(Deserialize)]
#[serde(remote = "Self")]
pub(crate) struct Kind<'a> {
    #[serde(borrow, rename = "type", default)]
    pub(crate) kind: Option<Text<'a>>,
}

read_from_objects!(Wire<'a>, Kind<'a>);
