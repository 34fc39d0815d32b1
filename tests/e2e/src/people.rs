//! Made-up people with every kind of identity that a Firehose message may carry. The same seed and number give the same person.
//!
//! Everything personal besides ids carries [`MARK`], so that it is found wherever it does not belong.

use md5::{Digest as _, Md5};

use serde_json::{Map, Value, json};

use crate::identity::{Expected, GAID, IDFA, IdKind, Identity, NIL, md5_hex, sha256_hex};
use crate::model::Id;

/// What stands in every e-mail address, customer id and attribute.
pub const MARK: &str = "personal-and-private";

/// How many kinds of people there are: of so many in a row, each is another kind.
pub const KINDS: usize = 20;

/// A user of mParticle's customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// mParticle's id: a signed 64-bit number in text.
    pub mpid: String,
    /// The device identities, in the order of the message.
    pub devices: Vec<Identity>,
}

impl Person {
    /// The e-mail address.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}.{MARK}@example.com", self.mpid)
    }

    /// The address as mParticle sends it: of half of the people as SHA-256, as it was asked for.
    #[must_use]
    pub fn email(&self) -> Value {
        let hashed = self.mpid.ends_with(['0', '2', '4', '6', '8']);
        let (encoding, value) = if hashed { ("sha256", sha256_hex(&self.address())) } else { ("raw", self.address()) };
        json!({ "type": "email", "encoding": encoding, "value": value })
    }

    /// How a request to be forgotten names the person, and what must go: the address and the first id of each type, since the protocol
    /// has room for one.
    #[must_use]
    pub fn subject(&self) -> (Value, Vec<Id>) {
        let mut identities = Map::new();
        let mut ids = vec![(IdKind::EmailSha256, sha256_hex(&self.address()))];
        identities.insert("email".to_owned(), json!({ "encoding": "raw", "value": self.address() }));
        for device in &self.devices {
            let Expected::Uploaded(kind, hash) = &device.expected else { continue };
            // Apple's is named alike in both kinds of messages.
            let name = if device.kind == IDFA { IDFA } else { "android_advertising_id" };
            if !identities.contains_key(name) {
                identities.insert(name.to_owned(), json!({ "encoding": device.encoding, "value": device.value }));
                ids.push((*kind, hash.clone()));
            }
        }
        (Value::Object(identities), ids)
    }
}

/// A source of people.
#[derive(Clone, Debug)]
pub struct People {
    seed: String,
    met: u64,
}

impl People {
    /// People that no other seed gives.
    #[must_use]
    pub fn new(seed: impl Into<String>) -> Self {
        Self { seed: seed.into(), met: 0 }
    }

    /// The next people, of every kind in turn.
    pub fn of_every_kind(&mut self, count: usize) -> Vec<Person> {
        (0..count).map(|number| self.next(number % KINDS)).collect()
    }

    /// The next people, each with one advertising id: half of them Apple's, half Google's.
    pub fn plain(&mut self, count: usize) -> Vec<Person> {
        (0..count).map(|number| self.next(number % 2)).collect()
    }

    fn next(&mut self, kind: usize) -> Person {
        self.met += 1;
        let devices = self.devices(kind);
        Person { mpid: self.mpid(), devices }
    }

    fn devices(&self, kind: usize) -> Vec<Identity> {
        let id = |name: &str| uuid::Builder::from_random_bytes(self.bytes(name)).into_uuid().to_string();
        let (idfa, gaid, other) = (id("idfa"), id("gaid"), id("other"));
        let raw = |kind, id: &str| Identity::raw(kind, id, id);
        let upper = |kind, id: &str| Identity::raw(kind, id, &id.to_uppercase());
        let left_out =
            |kind, value: &str| Identity::not_uploaded(kind, "raw", value, Expected::LeftOut("identity_type"));
        let dropped =
            |kind, encoding, value: &str, why| Identity::not_uploaded(kind, encoding, value, Expected::Dropped(why));
        match kind {
            0 => vec![upper(IDFA, &idfa)],
            1 => vec![raw(GAID, &gaid)],
            2 => vec![Identity::raw(IDFA, &idfa, &format!("  {idfa}\t"))],
            3 => vec![Identity::md5(GAID, &gaid, str::to_owned)],
            4 => vec![Identity::md5(IDFA, &idfa, str::to_uppercase)],
            5 => vec![upper(IDFA, &idfa), raw(GAID, &gaid)],
            6 => vec![upper(IDFA, &idfa), upper(IDFA, &other)],
            7 => vec![raw(GAID, &gaid), raw(GAID, &other), upper(IDFA, &idfa), raw(GAID, &id("third"))],
            8 => vec![upper(IDFA, &idfa), left_out("ios_vendor_id", &other.to_uppercase())],
            9 => vec![
                left_out("android_id", &md5_hex(&other)),
                raw(GAID, &gaid),
                left_out("push_token", &md5_hex(&gaid)),
            ],
            10 => vec![raw(GAID, &gaid), raw(GAID, &gaid), Identity::md5(GAID, &gaid, str::to_owned)],
            11 => vec![dropped(IDFA, "raw", NIL, "nil")],
            12 => vec![dropped(IDFA, "md5", &md5_hex(NIL), "nil"), raw(GAID, &gaid)],
            13 => vec![dropped(GAID, "md5", &md5_hex(""), "nil"), dropped(IDFA, "raw", NIL, "nil")],
            14 => vec![dropped(IDFA, "sha1", &hex(40, &idfa), "encoding"), raw(GAID, &gaid)],
            15 => vec![dropped(GAID, "sha256", &hex(64, &gaid), "encoding")],
            16 => vec![dropped(GAID, "raw", &gaid.replace('-', "_"), "malformed"), upper(IDFA, &idfa)],
            17 => vec![dropped(IDFA, "md5", &hex(31, &idfa), "malformed"), Identity::null(GAID)],
            18 => vec![left_out("android_id", &md5_hex(&other)), left_out("fire_advertising_id", &other)],
            _ => vec![
                Identity::not_uploaded(IDFA, "crc32", &md5_hex(&idfa), Expected::LeftOut("encoding")),
                Identity::not_uploaded(GAID, "raw", &gaid.repeat(4), Expected::LeftOut("malformed")),
                raw(GAID, &gaid),
            ],
        }
    }

    fn mpid(&self) -> String {
        let [number, _] = *self.bytes("mpid").as_chunks::<8>().0 else { return String::new() };
        i64::from_be_bytes(number).to_string()
    }

    /// Sixteen bytes that depend on the seed, the person and the name alone.
    fn bytes(&self, name: &str) -> [u8; 16] {
        Md5::digest(format!("{}/{}/{name}", self.seed, self.met)).into()
    }
}

/// So many hex digits that depend on the text.
fn hex(digits: usize, text: &str) -> String {
    md5_hex(text).chars().cycle().take(digits).collect()
}
