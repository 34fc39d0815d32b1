//! `dsr_processing_request`: a person asks to be forgotten. What is odd about the identities is left out and counted.

use std::borrow::Cow;

use ids::{ConnectionId, IdType};
use serde::de::{DeserializeSeed, MapAccess};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::invalid::Invalid;
use crate::json::{Fields, Object, Shape};
use crate::profile::{Identity, LeftOut};
use crate::reading::{EMAIL, MAX_IDS, WireIdentity, keep};

/// The longest id of a request that is kept, in bytes; a UUID has 36 characters.
const MAX_ID_BYTES: usize = 64;

/// A person asks to be forgotten.
#[derive(Debug)]
pub struct Erasure<'a> {
    /// Whose audiences the person is to leave; `None` if the message names no account, or what is wrong with the one that it names: the
    /// operator is to be told of the request all the same.
    pub connection: Result<Option<ConnectionId>, Invalid>,
    /// When it was asked for, in milliseconds since 1970; `None` if the message has no usable time.
    pub timestamp_ms: Option<i64>,
    /// The name of the person's request, by which it is traced: visible ASCII characters.
    pub subject_request_id: Option<Cow<'a, str>>,
    /// The person's ids of types that TikTok can match, each once; a hundred at most.
    pub ids: SmallVec<[Identity<'a>; 4]>,
    /// What was left out.
    pub left_out: LeftOut,
}

impl<'a> Erasure<'a> {
    pub(crate) fn read(
        connection: Result<Option<ConnectionId>, Invalid>,
        timestamp_ms: Option<i64>,
        subject_request_id: Option<Cow<'a, str>>,
        identities: Option<&'a RawValue>,
    ) -> Self {
        let mut subject = Subject::default();
        let json = identities.map_or("null", RawValue::get);
        let shape = Fields(&mut subject).deserialize(&mut serde_json::Deserializer::from_str(json));
        let Subject { ids, mut left_out } = subject;
        // A number that nothing can hold costs the identities behind it.
        left_out.odd_value += u64::from(!matches!(shape, Ok(Shape::Expected | Shape::Null)));
        let is_name = |id: &Cow<'_, str>| {
            (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let subject_request_id = subject_request_id.filter(is_name);
        Self { connection, timestamp_ms, subject_request_id, ids, left_out }
    }
}

#[derive(Default)]
struct Subject<'a> {
    ids: SmallVec<[Identity<'a>; 4]>,
    left_out: LeftOut,
}

impl<'de> Object<'de> for Subject<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        let mut wire = WireIdentity::default();
        let shape = object.next_value_seed(Fields(&mut wire))?;
        let Some(kind) = id_type(name) else {
            self.left_out.identity_type += 1;
            return Ok(());
        };
        if shape != Shape::Expected {
            self.left_out.odd_value += 1;
        } else if let Some(id) = wire.read(kind, &mut self.left_out)
            && !self.ids.contains(&id)
        {
            keep(&mut self.ids, id, MAX_IDS, &mut self.left_out);
        }
        Ok(())
    }
}

/// Both names of an Android device's id are Google's advertising id.
fn id_type(name: &str) -> Option<IdType> {
    match name {
        "ios_advertising_id" => Some(IdType::Idfa),
        "android_advertising_id" | "google_advertising_id" => Some(IdType::Gaid),
        EMAIL => Some(IdType::Email),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_ids_are_kept_and_the_others_counted() {
        let ids: Vec<_> =
            (0..300).map(|n| format!(r#""email":{{"encoding":"raw","value":"{}@example.com"}}"#, n / 2)).collect();
        let raw = RawValue::from_string(format!("{{{}}}", ids.join(","))).unwrap();
        let erasure = Erasure::read(Ok(None), None, None, Some(&raw));
        assert_eq!((erasure.ids.len(), erasure.left_out.too_many), (100, 100));
    }
}
