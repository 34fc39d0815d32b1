//! The identities of a user.

use ids::{Encoding, IdType};
use serde::de::{MapAccess, SeqAccess};

use super::{ProfileFields, keep};
use crate::json::{Fields, List, Object, Scalar, Shape, skip};
use crate::profile::{Identity, LeftOut};

/// The most ids of one profile that are kept. A row is written for each, with all changes of the profile: without a bound a small
/// message could unfold into gigabytes. No person has as many devices.
pub(crate) const MAX_IDS: usize = 100;
/// The same for e-mail addresses.
const MAX_EMAILS: usize = 20;
/// mParticle's type of an e-mail address.
pub(crate) const EMAIL: &str = "email";

pub(super) struct DeviceIds<'f, 'p, 'a>(pub(super) &'f mut ProfileFields<'p, 'a>);

pub(super) struct Emails<'f, 'p, 'a>(pub(super) &'f mut ProfileFields<'p, 'a>);

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
        if shape == Shape::Expected {
            let kind = wire.kind.word().and_then(device_type);
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
        if shape == Shape::Expected
            && wire.kind.word() == Some(EMAIL)
            && let Some(id) = wire.read(IdType::Email, left_out)
        {
            keep(&mut profile.emails, id, MAX_EMAILS, left_out);
        }
        Ok(true)
    }
}

impl<'a> WireIdentity<'a> {
    /// The identity, which is of `kind`; what it lacks is counted.
    pub(crate) fn read(self, kind: IdType, left_out: &mut LeftOut) -> Option<Identity<'a>> {
        let Some(encoding) = self.encoding.word().and_then(Encoding::of) else {
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
