//! Reads profiles one after the other into the same memory, whatever stands in them. What is odd is left out and counted.

mod changes;
mod identities;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use changes::Changes;
use identities::{DeviceIds, Emails};

use crate::json::{Elements, Fields, List, Object, Scalar, Shape, skip};
use crate::profile::{LeftOut, Profile};
use crate::users::Users;

pub(crate) use changes::SubscriptionSettings;
pub(crate) use identities::{EMAIL, MAX_IDS, WireIdentity};

/// A list of users while it is read.
pub(crate) struct Reading<'u, 'a, U> {
    users: &'u mut U,
    /// The memory that one user after the other takes.
    profile: Profile<'a>,
    left_out: LeftOut,
    /// Users that are done with.
    read: u64,
}

impl<'u, 'a, U: Users> Reading<'u, 'a, U> {
    pub(crate) fn new(users: &'u mut U) -> Self {
        Self { users, profile: Profile::default(), left_out: LeftOut::default(), read: 0 }
    }

    /// Reads the value of the field that `object` has come to.
    pub(crate) fn read<A: MapAccess<'a>>(mut self, object: &mut A) -> Result<(LeftOut, Shape), A::Error> {
        let shape = object.next_value_seed(Elements(&mut self))?;
        Ok((self.left_out, shape))
    }

    /// Reads a text that is known to be a list in JSON.
    pub(crate) fn read_all(mut self, list: &'a str) -> LeftOut {
        if Elements(&mut self).deserialize(&mut serde_json::Deserializer::from_str(list)).is_err() {
            // What stopped it is a number that nothing can hold, in a place that matters. From that user on each is delimited before it
            // is read, which takes longer. Delimiting what is JSON does not fail.
            let mut rest = OneByOne { skip: self.read, reading: &mut self };
            Elements(&mut rest).deserialize(&mut serde_json::Deserializer::from_str(list)).ok();
        }
        self.left_out
    }

    fn clear(&mut self) {
        self.profile.mpid = None;
        self.profile.device_ids.clear();
        self.profile.emails.clear();
        self.profile.changes.clear();
    }

    fn done(&mut self, shape: Shape) {
        self.read += 1;
        match shape {
            Shape::Expected => self.users.take(&self.profile),
            Shape::Null | Shape::Other => self.left_out.odd_profile += 1,
        }
    }
}

impl<'de, U: Users> List<'de> for Reading<'_, 'de, U> {
    fn element<A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        self.clear();
        let mut fields = ProfileFields { profile: &mut self.profile, left_out: &mut self.left_out };
        let shape = list.next_element_seed(Fields(&mut fields))?;
        if let Some(shape) = shape {
            self.done(shape);
        }
        Ok(shape.is_some())
    }
}

/// Reads users each by itself, without the first so many.
struct OneByOne<'r, 'u, 'a, U> {
    skip: u64,
    reading: &'r mut Reading<'u, 'a, U>,
}

impl<'de, U: Users> List<'de> for OneByOne<'_, '_, 'de, U> {
    fn element<A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error> {
        let Some(raw) = list.next_element::<&RawValue>()? else { return Ok(false) };
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(true);
        }
        self.reading.clear();
        let Reading { profile, left_out, .. } = &mut *self.reading;
        let mut fields = ProfileFields { profile, left_out };
        let shape = Fields(&mut fields).deserialize(&mut serde_json::Deserializer::from_str(raw.get()));
        self.reading.done(shape.unwrap_or(Shape::Other));
        Ok(true)
    }
}

struct ProfileFields<'p, 'a> {
    profile: &'p mut Profile<'a>,
    left_out: &'p mut LeftOut,
}

impl<'de> Object<'de> for ProfileFields<'_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error> {
        let shape = match name {
            "mpid" => {
                let mpid: Scalar<'_> = object.next_value()?;
                let given = !matches!(mpid, Scalar::Null);
                self.profile.mpid = mpid.into_text().and_then(|text| text.trim().parse().ok());
                self.left_out.odd_mpid += u64::from(given && self.profile.mpid.is_none());
                return Ok(());
            }
            "device_identities" => {
                self.profile.device_ids.clear();
                object.next_value_seed(Elements(&mut DeviceIds(self)))?
            }
            "user_identities" => {
                self.profile.emails.clear();
                object.next_value_seed(Elements(&mut Emails(self)))?
            }
            "audiences" => {
                self.profile.changes.clear();
                object.next_value_seed(Elements(&mut Changes(self)))?
            }
            _ => return skip(object),
        };
        self.left_out.odd_value += u64::from(shape == Shape::Other);
        Ok(())
    }
}

pub(crate) fn keep<T, const N: usize>(all: &mut SmallVec<[T; N]>, one: T, most: usize, left_out: &mut LeftOut)
where
    [T; N]: smallvec::Array<Item = T>,
{
    if all.len() < most {
        all.push(one);
    } else {
        left_out.too_many += 1;
    }
}
