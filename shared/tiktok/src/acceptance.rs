//! Whether TikTok accepts a token for an advertiser: the one way in which a token comes to be kept.

use ids::{AdvertiserId, AudienceId};
use secrecy::SecretString;

use crate::lenient::Rows;
use crate::{Advertiser, Answer, Client, Failure, Meaning, Trace, User};

/// TikTok's ids have 19 digits.
const NO_AUDIENCE: AudienceId = AudienceId::new(1);
const UNREADABLE: &str = "the answer lists an advertiser in an unknown form";

/// What TikTok says of a token and an advertiser.
#[derive(Debug, Clone)]
pub enum Acceptance {
    /// TikTok lists the advertiser for this token.
    Accepted {
        /// Whose token it is.
        user: User,
        /// The advertiser, as TikTok lists it.
        advertiser: Advertiser,
    },
    /// The token does not live, may not be used for the advertiser, or the advertiser is not there: TikTok's words, or ours.
    Refused(Failure),
}

impl Client {
    /// Asks whether TikTok accepts `token` for `advertiser`, in two harmless calls: whose it is, and what it sees of the advertiser.
    ///
    /// # Errors
    /// A [`Failure`] that decides nothing, such as throttling, no answer, or the operator's fault.
    pub async fn accepts(&self, token: &SecretString, advertiser: AdvertiserId) -> Result<Acceptance, Failure> {
        let user = match self.user(token).await {
            Ok(answer) => answer.data,
            Err(failure) => return decided(failure),
        };
        match self.advertiser_page(token, &[advertiser]).await {
            Ok(Answer { data: Rows { readable, unreadable }, trace }) => {
                match readable.into_iter().find(|listed| listed.advertiser_id == advertiser) {
                    Some(advertiser) => Ok(Acceptance::Accepted { user, advertiser }),
                    // The row that cannot be read may be the advertiser's.
                    None if unreadable > 0 => Err(Failure { trace, ..Failure::without_answer(UNREADABLE) }),
                    None => Ok(Acceptance::Refused(not_listed(trace))),
                }
            }
            Err(failure) => decided(failure),
        }
    }
}

impl Client {
    /// The same, and whether the token may change audiences: TikTok accepts an Analyst's too, and refuses only what it is used for. Asked
    /// with [`try_to_manage`](Self::try_to_manage); an answer that says nothing about permission is no refusal.
    ///
    /// # Errors
    /// A [`Failure`] that decides nothing, as of [`accepts`](Self::accepts).
    pub async fn accepts_to_manage(
        &self,
        token: &SecretString,
        advertiser: AdvertiserId,
    ) -> Result<Acceptance, Failure> {
        let acceptance = self.accepts(token, advertiser).await?;
        if matches!(acceptance, Acceptance::Refused(_)) {
            return Ok(acceptance);
        }
        match self.try_to_manage(token, advertiser).await {
            // What is missing is the audience.
            Err(failure) if failure.meaning.refuses_token() && failure.meaning != Meaning::Missing => {
                Ok(Acceptance::Refused(failure))
            }
            Err(failure) if failure.meaning.passing().is_some() => Err(failure),
            Ok(_) | Err(_) => Ok(acceptance),
        }
    }

    /// Deletes an audience that cannot exist. Nothing changes, and who may not change audiences is refused before TikTok looks for it. Takes
    /// a call of those that TikTok allows once a second for each advertiser.
    ///
    /// # Errors
    /// TikTok's answer: [`Meaning::Missing`] of who may change audiences, [`Meaning::NotPermitted`] of who may not.
    pub async fn try_to_manage(&self, token: &SecretString, advertiser: AdvertiserId) -> Result<Answer<()>, Failure> {
        self.delete_audience(token, advertiser, NO_AUDIENCE).await
    }
}

/// Whether a failed call decides that the token is refused.
fn decided(failure: Failure) -> Result<Acceptance, Failure> {
    if failure.meaning.refuses_token() { Ok(Acceptance::Refused(failure)) } else { Err(failure) }
}

/// TikTok answered, and leaves the advertiser out.
fn not_listed(trace: Trace) -> Failure {
    Failure {
        meaning: Meaning::Reauthorize,
        status: Some(200),
        trace,
        ..Failure::without_answer("the answer does not list the advertiser for this token")
    }
}
