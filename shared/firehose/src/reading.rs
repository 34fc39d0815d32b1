//! Reads profiles one after the other into the same memory, whatever stands in them. What is odd is left out and counted.

use std::borrow::Cow;

use ids::{AudienceId, Encoding, IdType};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::json::{Elements, Fields, List, Object, Scalar, Shape, skip};
use crate::profile::{Action, Audience, Identity, LeftOut, MembershipChange, Profile};
use crate::settings::{AUDIENCE_ID, Given, SEND_EMAIL, Switch};
use crate::users::Users;

/// The most ids of one profile that are kept. A row is written for each, with all changes of the profile: without a bound a small
/// message could unfold into gigabytes. No person has as many devices.
const MAX_IDS: usize = 100;
/// The same for e-mail addresses.
const MAX_EMAILS: usize = 20;
/// mParticle's type of an e-mail address.
pub(crate) const EMAIL: &str = "email";
/// The most changes of one profile that are kept. TikTok allows an advertiser 400 audiences.
const MAX_CHANGES: usize = 1_000;

/// A list of users while it is read.
pub(crate) struct Reading<'u, 'a, U> {
    users: &'u mut U,
    /// The memory that one user after the other takes.
    profile: Profile<'a>,
    left_out: LeftOut,
    /// Users that are done with.
    read: u64,
}

impl<'u, 'a, U: Users> Reading<'u, 'a, U> {
    pub(crate) fn new(users: &'u mut U) -> Self {
        Self { users, profile: Profile::default(), left_out: LeftOut::default(), read: 0 }
    }

    /// Reads the value of the field that `object` has come to.
    pub(crate) fn read<A: MapAccess<'a>>(mut self, object: &mut A) -> Result<(LeftOut, Shape), A::Error> {
        let shape = object.next_value_seed(Elements(&mut self))?;
        Ok((self.left_out, shape))
    }

    /// Reads a text that is known to be a list in JSON.
    pub(crate) fn read_all(mut self, list: &'a str) -> LeftOut {
        if Elements(&mut self).deserialize(&mut serde_json::Deserializer::from_str(list)).is_err() {
            // What stopped it is a number that nothing can hold, in a place that matters. From that user on each is delimited before it
            // is read, which takes longer. Delimiting what is JSON does not fail.
            let mut apart = Apart { skip: self.read, reading: &mut self };
            Elements(&mut apart).deserialize(&mut serde_json::Deserializer::from_str(list)).ok();
        }
        self.left_out
    }

    fn clear(&mut self) {
        self.profile.mpid = None;
        self.profile.device_ids.clear();
        self.profile.emails.clear();
        self.profile.changes.clear();
    }

    fn done(&mut self, shape: Shape) {
        self.read += 1;
        match shape {
            Shape::Due => self.users.take(&self.profile),
            Shape::Null | Shape::Other => self.left_out.odd_profile += 1,
        }
    }
}

impl<'de, U: Users> List<'de> for Reading<'_, 'de, U> {
    fn element<A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        self.clear();
        let mut fields = ProfileFields { profile: &mut self.profile, left_out: &mut self.left_out };
        let shape = list.next_element_seed(Fields(&mut fields))?;
        if let Some(shape) = shape {
            self.done(shape);
        }
        Ok(shape.is_some())
    }
}

struct Apart<'r, 'u, 'a, U> {
    skip: u64,
    reading: &'r mut Reading<'u, 'a, U>,
}

impl<'de, U: Users> List<'de> for Apart<'_, '_, 'de, U> {
    fn element<A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let Some(raw) = list.next_element::<&RawValue>()? else { return Ok(false) };
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(true);
        }
        self.reading.clear();
        let Reading { profile, left_out, .. } = &mut *self.reading;
        let mut fields = ProfileFields { profile, left_out };
        let shape = Fields(&mut fields).deserialize(&mut serde_json::Deserializer::from_str(raw.get()));
        self.reading.done(shape.unwrap_or(Shape::Other));
        Ok(true)
    }
}

struct ProfileFields<'p, 'a> {
    profile: &'p mut Profile<'a>,
    left_out: &'p mut LeftOut,
}

impl<'de> Object<'de> for ProfileFields<'_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        let shape = match name {
            "mpid" => {
                let mpid: Scalar<'_> = object.next_value()?;
                let given = !matches!(mpid, Scalar::Null);
                self.profile.mpid = mpid.into_text().and_then(|text| text.trim().parse().ok());
                self.left_out.odd_mpid += u64::from(given && self.profile.mpid.is_none());
                return Ok(());
            }
            "device_identities" => {
                self.profile.device_ids.clear();
                object.next_value_seed(Elements(&mut DeviceIds(self)))?
            }
            "user_identities" => {
                self.profile.emails.clear();
                object.next_value_seed(Elements(&mut Emails(self)))?
            }
            "audiences" => {
                self.profile.changes.clear();
                object.next_value_seed(Elements(&mut Changes(self)))?
            }
            _ => return skip(object),
        };
        self.left_out.odd_value += u64::from(shape == Shape::Other);
        Ok(())
    }
}

struct DeviceIds<'f, 'p, 'a>(&'f mut ProfileFields<'p, 'a>);

struct Emails<'f, 'p, 'a>(&'f mut ProfileFields<'p, 'a>);

/// An identity as it is written.
#[derive(Default)]
pub(crate) struct WireIdentity<'a> {
    kind: Scalar<'a>,
    encoding: Scalar<'a>,
    value: Scalar<'a>,
}

impl<'de> Object<'de> for WireIdentity<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        let field = match name {
            "type" => &mut self.kind,
            "encoding" => &mut self.encoding,
            "value" => &mut self.value,
            _ => return skip(object),
        };
        *field = object.next_value()?;
        Ok(())
    }
}

impl<'de> List<'de> for DeviceIds<'_, '_, 'de> {
    fn element<A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let mut wire = WireIdentity::default();
        let Some(shape) = list.next_element_seed(Fields(&mut wire))? else { return Ok(false) };
        let ProfileFields { profile, left_out } = &mut *self.0;
        if shape == Shape::Due {
            let kind = wire.kind().as_deref().and_then(device_type);
            left_out.identity_type += u64::from(kind.is_none());
            if let Some(id) = kind.and_then(|kind| wire.read(kind, left_out)) {
                keep(&mut profile.device_ids, id, MAX_IDS, left_out);
            }
        } else {
            left_out.odd_value += 1;
        }
        Ok(true)
    }
}

/// Of the user identities nothing is asked for but e-mail addresses, so the others are not worth counting.
impl<'de> List<'de> for Emails<'_, '_, 'de> {
    fn element<A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let mut wire = WireIdentity::default();
        let Some(shape) = list.next_element_seed(Fields(&mut wire))? else { return Ok(false) };
        let ProfileFields { profile, left_out } = &mut *self.0;
        if shape == Shape::Due
            && wire.kind().as_deref() == Some(EMAIL)
            && let Some(id) = wire.read(IdType::Email, left_out)
        {
            keep(&mut profile.emails, id, MAX_EMAILS, left_out);
        }
        Ok(true)
    }
}

impl<'a> WireIdentity<'a> {
    /// mParticle's name of its type.
    fn kind(&mut self) -> Option<Cow<'a, str>> {
        std::mem::take(&mut self.kind).into_text()
    }

    /// The identity, which is of `kind`; what it lacks is counted.
    pub(crate) fn read(self, kind: IdType, left_out: &mut LeftOut) -> Option<Identity<'a>> {
        let Some(encoding) = self.encoding.into_text().and_then(|encoding| Encoding::of(&encoding)) else {
            left_out.encoding += 1;
            return None;
        };
        let Some(value) = self.value.into_text() else {
            left_out.no_value += 1;
            return None;
        };
        Some(Identity { kind, encoding, value })
    }
}

fn device_type(name: &str) -> Option<IdType> {
    match name {
        "ios_advertising_id" => Some(IdType::Idfa),
        "google_advertising_id" => Some(IdType::Gaid),
        _ => None,
    }
}

struct Changes<'f, 'p, 'a>(&'f mut ProfileFields<'p, 'a>);

#[derive(Default)]
struct WireChange<'a> {
    audience_id: Scalar<'a>,
    settings: SubscriptionSettings<'a>,
    action: Scalar<'a>,
}

impl<'de> Object<'de> for WireChange<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        match name {
            "audience_id" => self.audience_id = object.next_value()?,
            "audience_subscription_settings" => {
                self.settings = SubscriptionSettings::default();
                object.next_value_seed(Fields(&mut self.settings))?;
            }
            "action" => self.action = object.next_value()?,
            _ => skip(object)?,
        }
        Ok(())
    }
}

impl<'de> List<'de> for Changes<'_, '_, 'de> {
    fn element<A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let mut wire = WireChange::default();
        let Some(shape) = list.next_element_seed(Fields(&mut wire))? else { return Ok(false) };
        let ProfileFields { profile, left_out } = &mut *self.0;
        if shape == Shape::Due {
            if let Some(change) = wire.read(left_out) {
                keep(&mut profile.changes, change, MAX_CHANGES, left_out);
            }
        } else {
            left_out.odd_value += 1;
        }
        Ok(true)
    }
}

impl WireChange<'_> {
    fn read(self, left_out: &mut LeftOut) -> Option<MembershipChange> {
        let action = match self.action.into_text().as_deref() {
            Some("add") => Action::Add,
            Some("delete") => Action::Delete,
            Some("attribute_update") => {
                left_out.attribute_update += 1;
                return None;
            }
            Some(_) | None => {
                left_out.unknown_action += 1;
                return None;
            }
        };
        let SubscriptionSettings { audience, send_email } = self.settings;
        let at_tiktok = audience_in(audience).map(Audience::AtTikTok);
        let audience = at_tiktok.or_else(|| self.audience_id.integer().map(Audience::Unmapped));
        left_out.no_audience_id += u64::from(audience.is_none());
        let switch = send_email.switch();
        left_out.odd_send_email += u64::from(switch == Switch::Odd);
        audience.map(|audience| MembershipChange { audience, action, by_email: switch == Switch::Set(true) })
    }
}

fn keep<T, const N: usize>(all: &mut SmallVec<[T; N]>, one: T, most: usize, left_out: &mut LeftOut)
where
    [T; N]: smallvec::Array<Item = T>,
{
    if all.len() < most {
        all.push(one);
    } else {
        left_out.too_many += 1;
    }
}

/// `audience_subscription_settings`: what the response to the subscription set, and what the customer did.
#[derive(Default)]
pub(crate) struct SubscriptionSettings<'a> {
    audience: Given<'a>,
    send_email: Given<'a>,
}

impl<'de> Object<'de> for SubscriptionSettings<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        match name {
            _ if name == AUDIENCE_ID.id => self.audience.by_id = object.next_value()?,
            _ if name == AUDIENCE_ID.name => self.audience.by_name = object.next_value()?,
            _ if name == SEND_EMAIL.id => self.send_email.by_id = object.next_value()?,
            _ if name == SEND_EMAIL.name => self.send_email.by_name = object.next_value()?,
            _ => skip(object)?,
        }
        Ok(())
    }
}

impl SubscriptionSettings<'_> {
    /// TikTok's audience, if the setting is there and is an id.
    pub(crate) fn audience(self) -> Option<AudienceId> {
        audience_in(self.audience)
    }

    /// Whether e-mail addresses may be sent for the audience.
    pub(crate) fn send_email(self) -> Switch {
        self.send_email.switch()
    }
}

fn audience_in(setting: Given<'_>) -> Option<AudienceId> {
    setting.value()?.parse().ok()
}
