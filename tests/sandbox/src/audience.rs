//! `POST /segment/audience/`: creates and deletes audiences. It never looks for one of the same name: a caller that repeats a creation gets two.

use serde::Deserialize;
use serde_json::json;

use crate::access::Need;
use crate::answer::{Done, Outcome, Refusal};
use crate::rules::Rules;
use crate::world::{Audience, Kind, World};

/// The body of the call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    pub(crate) advertiser_id: String,
    pub(crate) action: Action,
    custom_audience_name: Option<String>,
    pub(crate) delete_audience_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Create,
    Delete,
}

impl Change {
    pub(crate) fn carry_out(&self, rules: &Rules, world: &mut World, token: Option<&str>, now_ms: u64) -> Outcome {
        let grant = world.bearer(token)?;
        world.permit(rules, grant, &self.advertiser_id, Need::ManageAudiences)?;
        match (self.action, &self.custom_audience_name, &self.delete_audience_id) {
            (Action::Create, Some(name), None) => self.create(rules, world, name, now_ms),
            (Action::Delete, None, Some(audience_id)) => self.delete(world, audience_id, now_ms),
            (Action::Create, _, _) => {
                Err(Refusal::parameter("create takes custom_audience_name and no delete_audience_id."))
            }
            (Action::Delete, _, _) => {
                Err(Refusal::parameter("delete takes delete_audience_id and no custom_audience_name."))
            }
        }
    }

    fn create(&self, rules: &Rules, world: &mut World, name: &str, now_ms: u64) -> Outcome {
        if name.trim().is_empty() {
            return Err(Refusal::parameter("custom_audience_name is empty."));
        }
        let audiences = world.audiences.values().filter(|audience| audience.belongs_to(&self.advertiser_id)).count();
        if audiences >= rules.max_audiences {
            return Err(Refusal::parameter(format!(
                "The advertiser has {} audiences, no more can be created.",
                rules.max_audiences
            )));
        }
        let audience = Audience::new(rules, &self.advertiser_id, name, Kind::Partner, now_ms);
        let audience_id = world.add_audience(audience);
        Ok(Done::Completely(json!({ "audience_id": audience_id })))
    }

    fn delete(&self, world: &mut World, audience_id: &str, now_ms: u64) -> Outcome {
        let audience = world
            .audiences
            .get_mut(audience_id)
            .filter(|audience| audience.belongs_to(&self.advertiser_id))
            .ok_or_else(|| Refusal::missing("audience", audience_id))?;
        if audience.in_use {
            return Err(Refusal::parameter(format!(
                "Audience {audience_id} is used by an active campaign and cannot be deleted."
            )));
        }
        audience.deleted_ms = Some(now_ms);
        Ok(Done::Completely(json!({})))
    }
}
