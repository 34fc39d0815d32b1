//! Advertiser accounts: their state and kind in TikTok's words, and the details that TikTok gives of them.

use ids::AdvertiserId;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use crate::lenient::{self, List, Rows};
use crate::{Answer, Client, Failure};

/// `advertiser/info/` takes this many ids a call.
const INFO_IDS_PER_CALL: usize = 100;
/// What is asked of an account.
const FIELDS: &str = r#"["advertiser_id","name","role","status"]"#;

/// Whether an account can be used, from TikTok's `STATUS_` words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum AccountStatus {
    /// It can. A change to the account may be under review, or turned down; the account itself goes on.
    Enabled,
    /// TikTok still reviews it.
    InReview,
    /// TikTok disabled, limited or turned it down.
    NotEnabled,
    /// TikTok did not say, or in a word that is not known.
    #[default]
    Unknown,
}

impl AccountStatus {
    /// Reads TikTok's word, such as `STATUS_ENABLE`.
    fn of_word(word: &str) -> Self {
        let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
        match word {
            "STATUS_ENABLE" | "STATUS_PENDING_CONFIRM_MODIFY" | "STATUS_CONFIRM_MODIFY_FAIL" => Self::Enabled,
            _ if has(&["PENDING", "WAIT", "UNAUDITED"]) => Self::InReview,
            _ if has(&["DISABLE", "LIMIT", "FAIL", "DENY", "REJECT", "PUNISH", "SUSPEND", "CLOSE", "DELETE"]) => {
                Self::NotEnabled
            }
            _ => Self::Unknown,
        }
    }
}

impl<'de> Deserialize<'de> for AccountStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::text(deserializer).map(|word| Self::of_word(&word))
    }
}

/// What an account is, from TikTok's `ROLE_` words; not what the person may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum AccountKind {
    /// One that advertises, and has audiences.
    Advertiser,
    /// An agency's own, which has no audiences.
    Agency,
    /// TikTok did not say, or in a word that is not known.
    #[default]
    Unknown,
}

impl AccountKind {
    /// Reads TikTok's word, such as `ROLE_CHILD_AGENT`.
    fn of_word(word: &str) -> Self {
        if word.contains("AGENT") {
            Self::Agency
        } else if word.contains("ADVERTISER") {
            Self::Advertiser
        } else {
            Self::Unknown
        }
    }
}

impl<'de> Deserialize<'de> for AccountKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::text(deserializer).map(|word| Self::of_word(&word))
    }
}

/// An advertiser in detail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Advertiser {
    /// Its id.
    #[serde(deserialize_with = "lenient::parsed")]
    pub advertiser_id: AdvertiserId,
    /// Its name, in any script, as somebody typed it; empty where TikTok has none.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// What it is.
    #[serde(default, rename = "role")]
    pub kind: AccountKind,
    /// Whether it can be used.
    #[serde(default)]
    pub status: AccountStatus,
}

impl Advertiser {
    /// Whether it is an agency's account.
    #[must_use]
    pub fn is_agency(&self) -> bool {
        self.kind == AccountKind::Agency
    }
}

impl Client {
    /// The details of advertisers, 100 a call, one call after the other. Those that TikTok does not list are left out.
    ///
    /// # Errors
    /// The first [`Failure`] of a call.
    pub async fn advertisers(
        &self,
        token: &SecretString,
        advertisers: &[AdvertiserId],
    ) -> Result<Vec<Advertiser>, Failure> {
        let mut all = Vec::with_capacity(advertisers.len());
        for ids in advertisers.chunks(INFO_IDS_PER_CALL) {
            all.extend(self.advertiser_page(token, ids).await?.data.readable);
        }
        Ok(all)
    }

    pub(crate) async fn advertiser_page(
        &self,
        token: &SecretString,
        ids: &[AdvertiserId],
    ) -> Result<Answer<Rows<Advertiser>>, Failure> {
        let ids: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
        let ids = format!("[{}]", ids.join(","));
        let query = [("advertiser_ids", ids.as_str()), ("fields", FIELDS)];
        let Answer { data, trace }: Answer<List<Advertiser>> = self.get("/advertiser/info/", token, &query).await?;
        Ok(Answer { data: data.list, trace })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_word_has_its_meaning() {
        let statuses: [(AccountStatus, &[&str]); 4] = [
            (AccountStatus::Enabled, &["STATUS_ENABLE", "STATUS_PENDING_CONFIRM_MODIFY", "STATUS_CONFIRM_MODIFY_FAIL"]),
            (
                AccountStatus::InReview,
                &[
                    "STATUS_PENDING_CONFIRM",
                    "STATUS_PENDING_VERIFIED",
                    "STATUS_WAIT_FOR_BPM_AUDIT",
                    "STATUS_WAIT_FOR_PUBLIC_AUTH",
                    "STATUS_SELF_SERVICE_UNAUDITED",
                    "STATUS_CONTRACT_PENDING",
                ],
            ),
            (
                AccountStatus::NotEnabled,
                &["STATUS_DISABLE", "STATUS_CONFIRM_FAIL", "STATUS_CONFIRM_FAIL_END", "STATUS_LIMIT"],
            ),
            (AccountStatus::Unknown, &["", "STATUS_OF_A_NEW_KIND"]),
        ];
        for (status, words) in statuses {
            for word in words {
                assert_eq!(AccountStatus::of_word(word), status, "{word}");
            }
        }
        for (word, kind) in [
            ("ROLE_ADVERTISER", AccountKind::Advertiser),
            ("ROLE_CHILD_ADVERTISER", AccountKind::Advertiser),
            ("ROLE_AGENT", AccountKind::Agency),
            ("ROLE_CHILD_AGENT", AccountKind::Agency),
            ("", AccountKind::Unknown),
        ] {
            assert_eq!(AccountKind::of_word(word), kind, "{word}");
        }
    }

    #[test]
    fn a_row_that_cannot_be_read_costs_no_other() {
        let list = r#"{"list":[{"advertiser_id":null},7,{"advertiser_id":7,"name":null,"role":3,"status":null},
            {"advertiser_id":"8","name":"Eight","role":"ROLE_AGENT","status":"STATUS_LIMIT","new":[]}]}"#;
        let list: List<Advertiser> = serde_json::from_str(list).unwrap();
        let (seven, eight) = ("7".parse().unwrap(), "8".parse().unwrap());
        let plain = Advertiser {
            advertiser_id: seven,
            name: String::new(),
            kind: AccountKind::Unknown,
            status: AccountStatus::Unknown,
        };
        let agency = Advertiser {
            advertiser_id: eight,
            name: "Eight".to_owned(),
            kind: AccountKind::Agency,
            status: AccountStatus::NotEnabled,
        };
        assert_eq!((list.list.readable, list.list.unreadable), (vec![plain, agency], 2));
        assert!(serde_json::from_str::<List<Advertiser>>(r#"{"list":null}"#).unwrap().list.readable.is_empty());
        assert!(serde_json::from_str::<List<Advertiser>>("{}").is_err());
    }
}
