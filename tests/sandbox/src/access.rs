//! Who may call what: app and secret, token, and what the token's person and scopes allow for an advertiser.
//! The only place that answers 40001, 40101, 40104, 40105, 40113, 40118 and 40300 by rule.

use crate::answer::Refusal;
use crate::rules::Rules;
use crate::world::{Advertiser, App, Grant, Role, World};

/// What a call does with an advertiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    ReadAccount,
    ReadAudiences,
    ManageAudiences,
}

impl Need {
    /// The scope ids of which one is enough: the parent implies its children.
    const fn scopes(self) -> &'static [u64] {
        match self {
            Self::ReadAccount => &[1, 10, 100],
            Self::ReadAudiences => &[3, 30],
            Self::ManageAudiences => &[3, 31],
        }
    }
}

impl World {
    /// The app, if the secret is its own and it is not blocked.
    pub(crate) fn app(&self, app_id: &str, secret: &str) -> Result<&App, Refusal> {
        let app = self.apps.get(app_id).ok_or_else(|| Refusal::new(40101, "The app_id does not exist."))?;
        if app.secret != secret {
            return Err(Refusal::new(40113, "The secret is wrong."));
        }
        if app.blocked {
            return Err(Refusal::new(40113, "The app is blocked."));
        }
        Ok(app)
    }

    /// What the token of the `Access-Token` header was granted.
    pub(crate) fn bearer(&self, token: Option<&str>) -> Result<&Grant, Refusal> {
        let token = token.ok_or_else(|| Refusal::new(40104, "Access-Token is missing."))?;
        let grant = self
            .tokens
            .get(token)
            .ok_or_else(|| Refusal::new(40105, "Access token is incorrect or has been revoked."))?;
        if self.apps.get(&grant.app_id).is_none_or(|app| app.blocked) {
            return Err(Refusal::new(40113, "The app is blocked."));
        }
        Ok(grant)
    }

    /// The advertiser, if the grant allows what is needed there.
    pub(crate) fn permit(
        &self,
        rules: &Rules,
        grant: &Grant,
        advertiser_id: &str,
        need: Need,
    ) -> Result<&Advertiser, Refusal> {
        let advertiser = self
            .advertisers
            .get(advertiser_id)
            .ok_or_else(|| Refusal::new(40300, format!("The advertiser {advertiser_id} does not exist.")))?;
        let person = self.person(&grant.core_user_id).filter(|person| {
            grant.advertisers.iter().any(|id| id == advertiser_id)
                && person.advertisers.iter().any(|id| id == advertiser_id)
        });
        let Some(person) = person else {
            return Err(Refusal::permission(format!("No permission to operate advertiser {advertiser_id}.")));
        };
        grant.covers(need)?;
        if !role_allows(rules, person.role, need) {
            return Err(Refusal::permission("The user must be Admin or Operator of the ad account."));
        }
        match need {
            Need::ReadAccount => Ok(advertiser),
            Need::ReadAudiences | Need::ManageAudiences => usable(advertiser),
        }
    }
}

impl Grant {
    /// Whether the scopes are enough for the call.
    pub(crate) fn covers(&self, need: Need) -> Result<(), Refusal> {
        if self.scopes.iter().any(|scope| need.scopes().contains(scope)) {
            return Ok(());
        }
        Err(Refusal::permission("The token does not have the scope for this call."))
    }
}

const fn role_allows(rules: &Rules, role: Role, need: Need) -> bool {
    match (role, need) {
        (Role::Admin | Role::Operator, _) | (Role::Analyst, Need::ReadAccount) => true,
        (Role::Analyst, Need::ReadAudiences) => rules.analyst_reads_audiences,
        (Role::Analyst, Need::ManageAudiences) | (Role::BusinessCenterOnly, _) => false,
    }
}

fn usable(advertiser: &Advertiser) -> Result<&Advertiser, Refusal> {
    if !advertiser.allow_listed {
        return Err(Refusal::new(
            40118,
            format!("The advertiser {} is not on the allow-list.", advertiser.advertiser_id),
        ));
    }
    if advertiser.status != "STATUS_ENABLE" {
        return Err(Refusal::permission(format!(
            "The advertiser {} is not enabled: {}.",
            advertiser.advertiser_id, advertiser.status
        )));
    }
    Ok(advertiser)
}
