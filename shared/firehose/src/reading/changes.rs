//! The changes of a user, and the settings that come with each.

use ids::AudienceId;
use serde::de::{MapAccess, SeqAccess};

use super::{ProfileFields, keep};
use crate::json::{Fields, List, Object, Scalar, Shape, skip};
use crate::profile::{Action, Audience, LeftOut, MembershipChange};
use crate::settings::{AUDIENCE_ID, Given, SEND_EMAIL, Switch};

/// The most changes of one profile that are kept. TikTok allows an advertiser 400 audiences.
const MAX_CHANGES: usize = 1_000;

pub(super) struct Changes<'f, 'p, 'a>(pub(super) &'f mut ProfileFields<'p, 'a>);

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
        if shape == Shape::Expected {
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
        let action = match self.action.word() {
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
