//! Audiences: create, delete, list. Only those of the type "Partner Audience" take what `/segment/mapping/` sends.

use ids::{AdvertiserId, AudienceId};
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::client::advertiser_query;
use crate::{Answer, Client, Failure};

/// TikTok cuts longer names to 67 characters and "...".
pub const MAX_NAME_CHARS: usize = 70;
/// The `audience_type` of an audience made by [`Client::create_audience`].
pub const PARTNER_AUDIENCE: &str = "Partner Audience";

/// An audience as `GET /dmp/custom_audience/list/` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Audience {
    /// Its id.
    pub audience_id: AudienceId,
    /// Its name; names need not be unique.
    #[serde(default)]
    pub name: String,
    /// [`PARTNER_AUDIENCE`], or another kind that cannot be fed.
    #[serde(default)]
    pub audience_type: String,
}

/// A page of at most 100 audiences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudiencePage {
    /// In TikTok's order.
    pub audiences: Vec<Audience>,
    /// How many pages there are.
    pub total_pages: u32,
}

#[derive(Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
enum Segment<'a> {
    Create { advertiser_id: AdvertiserId, custom_audience_name: &'a str },
    Delete { advertiser_id: AdvertiserId, delete_audience_id: AudienceId },
}

#[derive(Deserialize)]
struct Created {
    audience_id: AudienceId,
}

#[derive(Deserialize)]
struct List {
    list: Vec<Audience>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct PageInfo {
    total_page: u32,
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
        let created: Answer<Created> = self.post("/segment/audience/", token, &body).await?;
        Ok(Answer { data: created.data.audience_id, trace: created.trace })
    }

    /// Deletes an audience.
    ///
    /// # Errors
    /// [`Failure`]; see [`Failure::names_nothing_that_exists`] for one that is gone already. TikTok refuses while a campaign uses it.
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

    /// Lists an advertiser's audiences; `page` counts from 1. Harmless: it also serves to see whether a token reaches the advertiser.
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
        let query = [(name, value.as_str()), ("page", &page.to_string()), ("page_size", "100")];
        let Answer { data, trace }: Answer<List> = self.get("/dmp/custom_audience/list/", token, &query).await?;
        Ok(Answer { data: AudiencePage { audiences: data.list, total_pages: data.page_info.total_page }, trace })
    }
}
