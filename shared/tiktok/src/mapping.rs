//! The body of `POST /segment/mapping/`. TikTok reads a row by position against `id_schema` and says nothing when the two
//! disagree; here the type of an id decides its place, so that a row cannot be built out of line.

use hashed_id::HashedId;
use ids::{AdvertiserId, AudienceId, IdType};
use smallvec::SmallVec;

/// The types of id that a call holds, all hashed with one function: calls of one schema never mix them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Schema {
    /// Apple's and Google's advertising ids, as MD5.
    Devices,
    /// E-mail addresses, as SHA-256.
    Emails,
}

impl Schema {
    /// The schema of the calls that tell ids of this type.
    #[must_use]
    pub const fn of(kind: IdType) -> Self {
        match kind {
            IdType::Idfa | IdType::Gaid => Self::Devices,
            IdType::Email => Self::Emails,
        }
    }

    /// The places of a row, in their order, each with TikTok's word for it, which calls Google's advertising id AAID.
    const fn places(self) -> &'static [(IdType, &'static str)] {
        match self {
            Self::Devices => &[(IdType::Idfa, "IDFA_MD5"), (IdType::Gaid, "AAID_MD5")],
            Self::Emails => &[(IdType::Email, "EMAIL_SHA256")],
        }
    }
}

/// What happens to the ids of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// One id, and the audiences that the action is about. The places of other types of id stay empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    /// The id, whose type decides the place in the row.
    pub id: HashedId,
    /// What it joins or leaves.
    pub audiences: SmallVec<[AudienceId; 2]>,
}

impl Row {
    /// The size of a row in a body, in bytes, with the comma that parts it from the next.
    #[must_use]
    pub fn json_bytes(id: HashedId, audiences: impl IntoIterator<Item = AudienceId>) -> usize {
        let audiences: usize = audiences.into_iter().map(|audience| audience.digits() + r#""","#.len()).sum();
        let empty = Schema::of(id.kind()).places().len() - 1;
        let id = 2 * id.function().digest_bytes();
        r#"[{"id":"","audience_ids":[]}],"#.len() + id + empty * "{},".len() + audiences.saturating_sub(1)
    }
}

/// A call: one advertiser, one action, many rows.
#[derive(Debug, Clone, Copy)]
pub struct Mapping<'a> {
    /// Whose audiences they are.
    pub advertiser: AdvertiserId,
    /// What happens to the ids.
    pub action: Action,
    /// What ids they are. A row of another schema would be an empty one.
    pub schema: Schema,
    /// At most 10,000 a call at TikTok.
    pub rows: &'a [Row],
}

impl Mapping<'_> {
    /// The size of a body besides its rows, in bytes, rounded up.
    pub const OVERHEAD_BYTES: usize = 160;

    /// The body, in JSON. Nothing in it needs an escape: it is digits, hex digits and the words of this file.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let rows: usize = self.rows.iter().map(|row| Row::json_bytes(row.id, row.audiences.iter().copied())).sum();
        let mut body = Vec::with_capacity(Self::OVERHEAD_BYTES + rows);
        body.extend_from_slice(br#"{"advertiser_ids":[""#);
        self.advertiser.push_to(&mut body);
        body.extend_from_slice(br#""],"action":""#);
        body.extend_from_slice(self.action.as_str().as_bytes());
        body.extend_from_slice(br#"","id_schema":["#);
        list(&mut body, self.schema.places(), |body, (_, word)| {
            quoted(body, |body| body.extend_from_slice(word.as_bytes()));
        });
        body.extend_from_slice(br#"],"batch_data":["#);
        list(&mut body, self.rows, |body, row| row.push_to(self.schema, body));
        body.extend_from_slice(b"]}");
        body
    }
}

impl Row {
    fn push_to(&self, schema: Schema, body: &mut Vec<u8>) {
        body.push(b'[');
        list(body, schema.places(), |body, (kind, _)| {
            body.push(b'{');
            if self.id.kind() == *kind {
                body.extend_from_slice(br#""id":"#);
                quoted(body, |body| self.id.push_to(body));
                body.extend_from_slice(br#","audience_ids":["#);
                list(body, &self.audiences, |body, audience| quoted(body, |body| audience.push_to(body)));
                body.push(b']');
            }
            body.push(b'}');
        });
        body.push(b']');
    }
}

/// Adds `items` with commas between them.
fn list<T>(body: &mut Vec<u8>, items: &[T], push: impl Fn(&mut Vec<u8>, &T)) {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        push(body, item);
    }
}

fn quoted(body: &mut Vec<u8>, push: impl Fn(&mut Vec<u8>)) {
    body.push(b'"');
    push(body);
    body.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use ids::Encoding;
    use smallvec::smallvec;

    fn md5(kind: IdType, digit: &str) -> HashedId {
        HashedId::parse(kind, Encoding::Md5, &digit.repeat(32)).unwrap()
    }

    fn email() -> Row {
        let id = HashedId::parse(IdType::Email, Encoding::Sha256, &"d".repeat(64)).unwrap();
        Row { id, audiences: smallvec!["72".parse().unwrap(), "73".parse().unwrap()] }
    }

    fn rows() -> [Row; 3] {
        let (one, two) = ("7000000000000000011".parse().unwrap(), "72".parse().unwrap());
        let row = |kind, digit, audiences| Row { id: md5(kind, digit), audiences };
        [
            row(IdType::Idfa, "a", smallvec![one]),
            row(IdType::Gaid, "b", smallvec![one, two]),
            row(IdType::Idfa, "c", smallvec![]),
        ]
    }

    #[test]
    fn the_place_of_the_other_type_stays() {
        let rows = rows();
        let advertiser = "7000000000000000001".parse().unwrap();
        let mapping = Mapping { advertiser, action: Action::Add, schema: Schema::Devices, rows: &rows };
        let body = String::from_utf8(mapping.body()).unwrap();
        insta::assert_snapshot!(body.replace("[{", "\n[{"), @r#"
        {"advertiser_ids":["7000000000000000001"],"action":"add","id_schema":["IDFA_MD5","AAID_MD5"],"batch_data":[
        [{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","audience_ids":["7000000000000000011"]},{}],
        [{},{"id":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","audience_ids":["7000000000000000011","72"]}],
        [{"id":"cccccccccccccccccccccccccccccccc","audience_ids":[]},{}]]}
        "#);
    }

    #[test]
    fn addresses_have_calls_of_their_own() {
        let (advertiser, row) = ("7000000000000000001".parse().unwrap(), email());
        let mapping = Mapping { advertiser, action: Action::Delete, schema: Schema::Emails, rows: &[row] };
        let id = "d".repeat(64);
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&mapping.body()).unwrap(),
            serde_json::json!({
                "advertiser_ids": ["7000000000000000001"], "action": "delete", "id_schema": ["EMAIL_SHA256"],
                "batch_data": [[{"id": id, "audience_ids": ["72", "73"]}]],
            })
        );
    }

    #[test]
    fn the_size_that_is_counted_is_the_size_of_the_body() {
        let advertiser = "18446744073709551615".parse().unwrap();
        let size = |schema, rows: &[Row]| Mapping { advertiser, action: Action::Delete, schema, rows }.body().len();
        for schema in [Schema::Devices, Schema::Emails] {
            assert!(size(schema, &[]) <= Mapping::OVERHEAD_BYTES, "{}", size(schema, &[]));
        }
        for row in rows().into_iter().chain([email()]) {
            let schema = Schema::of(row.id.kind());
            let twice = [row.clone(), row.clone()];
            assert_eq!(
                size(schema, twice.as_slice()) - size(schema, &twice[..1]),
                Row::json_bytes(row.id, row.audiences)
            );
        }
    }
}
