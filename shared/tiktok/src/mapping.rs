//! The body of `POST /segment/mapping/`. TikTok reads a row by position against `id_schema` and says nothing when the two
//! disagree; here the type of an id decides its place, so that a row cannot be built out of line.

use hashed_id::Md5;
use ids::{AdvertiserId, AudienceId, DeviceType};
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};
use serde::{Serialize, Serializer};
use smallvec::SmallVec;

/// The id types of every call, in the order of every row. TikTok calls Google's advertising id AAID.
const ID_SCHEMA: [&str; 2] = ["IDFA_MD5", "AAID_MD5"];

/// What happens to the ids of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// They join the audiences.
    Add,
    /// They leave them.
    Delete,
}

impl Action {
    /// TikTok's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Delete => "delete",
        }
    }
}

/// One id, and the audiences that the action is about. The place of the other type of id stays empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// Which type of id it is: it decides the place in the row.
    pub device: DeviceType,
    /// The id.
    pub id: Md5,
    /// What it joins or leaves.
    pub audiences: SmallVec<[AudienceId; 2]>,
}

impl Row {
    /// The size of the row in a body, in bytes, with the comma that parts it from the next.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        let audiences: usize = self.audiences.iter().map(|audience| quoted_len(*audience) + 1).sum();
        r#"[{"id":"","audience_ids":[]},{}],"#.len() + 32 + audiences.saturating_sub(1)
    }
}

fn quoted_len(audience: AudienceId) -> usize {
    audience.digits() + 2
}

/// A call: one advertiser, one action, many rows.
#[derive(Debug, Clone, Copy)]
pub struct Mapping<'a> {
    /// Whose audiences they are.
    pub advertiser: AdvertiserId,
    /// What happens to the ids.
    pub action: Action,
    /// At most 10,000 a call at TikTok.
    pub rows: &'a [&'a Row],
}

impl Mapping<'_> {
    /// The size of a body besides its rows, in bytes, rounded up.
    pub const OVERHEAD_BYTES: usize = 160;
}

impl Serialize for Mapping<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("Mapping", 4)?;
        body.serialize_field("advertiser_ids", &[self.advertiser])?;
        body.serialize_field("action", &self.action)?;
        body.serialize_field("id_schema", &ID_SCHEMA)?;
        body.serialize_field("batch_data", &Rows(self.rows))?;
        body.end()
    }
}

struct Rows<'a>(&'a [&'a Row]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.len()))?;
        for row in self.0 {
            rows.serialize_element(&Positional(row))?;
        }
        rows.end()
    }
}

struct Positional<'a>(&'a Row);

impl Serialize for Positional<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row { device, id, audiences } = self.0;
        let of = |place| (*device == place).then_some(*id);
        let mut slots = serializer.serialize_tuple(ID_SCHEMA.len())?;
        slots.serialize_element(&Slot { id: of(DeviceType::Idfa), audiences })?;
        slots.serialize_element(&Slot { id: of(DeviceType::Gaid), audiences })?;
        slots.end()
    }
}

/// An id and its audiences, or `{}` in the place of the type that the id is not of.
struct Slot<'a> {
    id: Option<Md5>,
    audiences: &'a [AudienceId],
}

impl Serialize for Slot<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut slot = serializer.serialize_map(Some(if self.id.is_some() { 2 } else { 0 }))?;
        if let Some(id) = self.id {
            slot.serialize_entry("id", &id)?;
            slot.serialize_entry("audience_ids", self.audiences)?;
        }
        slot.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ids::Encoding;
    use smallvec::smallvec;

    fn md5(digit: &str) -> Md5 {
        Md5::parse(Encoding::Md5, &digit.repeat(32)).unwrap()
    }

    fn rows() -> [Row; 3] {
        let (one, two) = ("7000000000000000011".parse().unwrap(), "72".parse().unwrap());
        let row = |device, digit, audiences| Row { device, id: md5(digit), audiences };
        [
            row(DeviceType::Idfa, "a", smallvec![one]),
            row(DeviceType::Gaid, "b", smallvec![one, two]),
            row(DeviceType::Idfa, "c", smallvec![]),
        ]
    }

    #[test]
    fn the_place_of_the_other_type_stays() {
        let rows = rows();
        let rows: Vec<_> = rows.iter().collect();
        let advertiser = "7000000000000000001".parse().unwrap();
        let mapping = Mapping { advertiser, action: Action::Add, rows: &rows };
        insta::assert_json_snapshot!(mapping, @r#"
        {
          "advertiser_ids": [
            "7000000000000000001"
          ],
          "action": "add",
          "id_schema": [
            "IDFA_MD5",
            "AAID_MD5"
          ],
          "batch_data": [
            [
              {
                "id": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "audience_ids": [
                  "7000000000000000011"
                ]
              },
              {}
            ],
            [
              {},
              {
                "id": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                "audience_ids": [
                  "7000000000000000011",
                  "72"
                ]
              }
            ],
            [
              {
                "id": "cccccccccccccccccccccccccccccccc",
                "audience_ids": []
              },
              {}
            ]
          ]
        }
        "#);
    }

    #[test]
    fn the_size_that_is_counted_is_the_size_of_the_body() {
        let advertiser = "18446744073709551615".parse().unwrap();
        let size =
            |rows: &[&Row]| serde_json::to_vec(&Mapping { advertiser, action: Action::Delete, rows }).unwrap().len();
        assert!(size(&[]) <= Mapping::OVERHEAD_BYTES, "{}", size(&[]));
        for row in rows() {
            assert_eq!(size(&[&row, &row]) - size(&[&row]), row.json_bytes());
        }
    }
}
