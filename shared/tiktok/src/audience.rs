//! Audiences: create, delete, list. Only those that were made by this API take what `/segment/mapping/` sends.

use ids::{AdvertiserId, AudienceId};
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::client::advertiser_query;
use crate::lenient::{self, Rows};
use crate::{Answer, Client, Failure};

/// TikTok cuts longer names to 67 characters and "...".
pub const MAX_NAME_CHARS: usize = 70;
/// 100 audiences a page, and 400 audiences an advertiser: more pages than these are nonsense.
const MAX_PAGES: u32 = 20;
/// The kinds of audience that `/segment/mapping/` cannot feed, as TikTok's pages and SDKs name them: letters only, in lower case.
const OTHER_KINDS: [&str; 10] = [
    "customerfile",
    "engagement",
    "appactivity",
    "websitetraffic",
    "leadgeneration",
    "businessaccount",
    "shopactivity",
    "offline",
    "lookalike",
    "saved",
];

/// An audience as `GET /dmp/custom_audience/list/` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Audience {
    /// Its id. Audiences with lower ids are older.
    #[serde(deserialize_with = "lenient::parsed")]
    pub audience_id: AudienceId,
    /// Its name; names need not be unique.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// TikTok's word for its kind; how it calls ours is not known for sure.
    #[serde(default, deserialize_with = "lenient::text")]
    pub audience_type: String,
    /// How many users TikTok matched; `None` where it did not say.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub cover_num: Option<u64>,
    /// False: TikTok ended it, and it is good for nothing but deletion. True where TikTok did not say.
    #[serde(default = "yes", deserialize_with = "lenient::unless_false")]
    pub is_valid: bool,
    /// TikTok ends it within 60 days unless it is used. False where TikTok did not say.
    #[serde(default, deserialize_with = "lenient::only_true")]
    pub is_expiring: bool,
    /// When it ends or ended, as TikTok writes times in UTC: `2026-11-26 12:00:00`. `None` where TikTok did not say.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub expired_time: Option<String>,
    /// When it was made, written in the same way.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub create_time: Option<String>,
}

const fn yes() -> bool {
    true
}

impl Audience {
    /// Whether it is of a kind that is known to take nothing from `/segment/mapping/`, in whatever case and with whatever separators the
    /// kind is written. A word that is not known counts as ours.
    #[must_use]
    pub fn is_of_another_kind(&self) -> bool {
        let kind: String = self.audience_type.chars().filter(char::is_ascii_alphabetic).collect();
        let kind = kind.to_ascii_lowercase();
        OTHER_KINDS.iter().any(|other| kind.contains(other))
    }
}

/// A page of at most 100 audiences.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Page")]
pub struct AudiencePage {
    /// In TikTok's order. A row that cannot be read is left out: it is somebody else's, and must not cost us ours.
    pub audiences: Vec<Audience>,
    /// How many pages there are: from 1 to 20, whatever TikTok says.
    pub total_pages: u32,
}

#[derive(Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
enum Segment<'a> {
    Create { advertiser_id: AdvertiserId, custom_audience_name: &'a str },
    Delete { advertiser_id: AdvertiserId, delete_audience_id: AudienceId },
}

/// What TikTok answers where an audience was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct NewAudience {
    /// Its id.
    #[serde(deserialize_with = "lenient::parsed")]
    pub audience_id: AudienceId,
}

#[derive(Deserialize)]
struct Page {
    list: Rows<Audience>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct PageInfo {
    #[serde(deserialize_with = "lenient::parsed")]
    total_page: u32,
}

impl From<Page> for AudiencePage {
    fn from(Page { list, page_info }: Page) -> Self {
        Self { audiences: list.readable, total_pages: page_info.total_page.clamp(1, MAX_PAGES) }
    }
}

impl Client {
    /// Creates an audience. TikTok keeps no names apart: a repeated call makes a twin.
    ///
    /// # Errors
    /// [`Failure`]; one that is [`Meaning::Unavailable`](crate::Meaning) may have created it all the same.
    pub async fn create_audience(
        &self,
        token: &SecretString,
        advertiser: AdvertiserId,
        name: &str,
    ) -> Result<Answer<AudienceId>, Failure> {
        let body = Segment::Create { advertiser_id: advertiser, custom_audience_name: name };
        let created: Answer<NewAudience> = self.post("/segment/audience/", token, &body).await?;
        Ok(Answer { data: created.data.audience_id, trace: created.trace })
    }

    /// Deletes an audience.
    ///
    /// # Errors
    /// [`Failure`]; with [`Meaning::Missing`](crate::Meaning) for one that is gone already. TikTok refuses while a campaign uses it.
    pub async fn delete_audience(
        &self,
        token: &SecretString,
        advertiser: AdvertiserId,
        audience: AudienceId,
    ) -> Result<Answer<()>, Failure> {
        let body = Segment::Delete { advertiser_id: advertiser, delete_audience_id: audience };
        let answer: Answer<IgnoredAny> = self.post("/segment/audience/", token, &body).await?;
        Ok(Answer { data: (), trace: answer.trace })
    }

    /// Lists the audiences that an advertiser created itself, those that others share with it left out; `page` counts from 1.
    ///
    /// # Errors
    /// [`Failure`] says what TikTok's answer means.
    pub async fn audiences(
        &self,
        token: &SecretString,
        advertiser: AdvertiserId,
        page: u32,
    ) -> Result<Answer<AudiencePage>, Failure> {
        let (name, value) = advertiser_query(advertiser);
        let page = page.to_string();
        let query = [(name, value.as_str()), ("is_creator", "true"), ("page", page.as_str()), ("page_size", "100")];
        self.get("/dmp/custom_audience/list/", token, &query).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_cannot_be_read_costs_no_other() {
        let list = r#"{"list":[{"audience_id":null,"name":"x"},{"name":"y"},[],null,
            {"audience_id":7123456789012345678,"name":null,"cover_num":"1200","is_valid":null,"expired_time":null},
            {"audience_id":"8","name":"Acht [mp-8]","audience_type":"Partner","cover_num":-1,"is_valid":false,
             "is_expiring":true,"expired_time":"2027-11-26 12:00:00","create_time":"2026-11-26 12:00:00","error_msg":[]}],
            "page_info":{"total_page":"1"}}"#;
        let page: AudiencePage = serde_json::from_str(list).unwrap();
        assert_eq!(page.total_pages, 1);
        let [bare, full] = page.audiences.as_slice() else { panic!("{page:?}") };
        assert_eq!((bare.audience_id.to_string().as_str(), bare.name.as_str()), ("7123456789012345678", ""));
        assert_eq!((bare.cover_num, bare.is_valid, bare.is_expiring), (Some(1200), true, false));
        assert_eq!((full.name.as_str(), full.cover_num), ("Acht [mp-8]", None));
        assert_eq!((full.is_valid, full.is_expiring), (false, true));
        assert_eq!(
            (full.expired_time.as_deref(), full.create_time.as_deref()),
            (Some("2027-11-26 12:00:00"), Some("2026-11-26 12:00:00"))
        );
    }

    #[test]
    fn pages_are_within_bounds() {
        for (told, total) in [(0, 1), (1, 1), (20, 20), (u32::MAX, 20)] {
            let page = format!(r#"{{"list":[],"page_info":{{"total_page":{told}}}}}"#);
            assert_eq!(serde_json::from_str::<AudiencePage>(&page).unwrap().total_pages, total);
        }
    }

    #[test]
    fn a_list_without_its_frame_is_no_list() {
        for wrong in
            [r#"{"page_info":{"total_page":1}}"#, r#"{"list":[]}"#, r#"{"list":{},"page_info":{"total_page":1}}"#]
        {
            assert!(serde_json::from_str::<AudiencePage>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_known_other_kinds_are_excluded() {
        let of = |audience_type: &str| {
            let row = serde_json::json!({"audience_id": "1", "audience_type": audience_type});
            serde_json::from_value::<Audience>(row).unwrap().is_of_another_kind()
        };
        for ours in ["", "Partner Audience", "Partner", "PARTNER_AUDIENCE", "Segment", "a new word"] {
            assert!(!of(ours), "{ours}");
        }
        for other in [
            "Customer File Audience",
            "CUSTOMER_FILE",
            "Lookalike Audience",
            "LOOKALIKE",
            "App Activity Audience",
            "Offline Activity",
        ] {
            assert!(of(other), "{other}");
        }
    }
}
