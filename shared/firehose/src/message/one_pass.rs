//! A message in plain JSON, read in one pass: its users are handed over as they are read.

use serde::de::MapAccess as _;

use super::{MEMBERSHIP, Membership, Wire, text_of};
use crate::account::Account;
use crate::json::{Name, Shape, skip};
use crate::plain::{Members, Plain, Unusual};
use crate::reading::Reading;
use crate::users::Users;

struct OnePass<'u, 'a, U> {
    wire: Wire<'a>,
    users: &'u mut U,
    /// The users were read, for this account.
    membership: Option<Membership>,
}

/// The fields, and what was read of the users if type and account stand before them. `None` if the JSON is not plain, or if what was read
/// does not hold, since something that it depends on came later: what `users` got does not count then.
pub(super) fn read<'a>(text: &'a str, users: &mut impl Users) -> Option<(Wire<'a>, Option<Membership>)> {
    let mut pass = OnePass { wire: Wire::default(), users, membership: None };
    pass.read(text).ok()?;
    Some((pass.wire, pass.membership))
}

impl<'a, U: Users> OnePass<'_, 'a, U> {
    fn read(&mut self, text: &'a str) -> Result<(), Unusual> {
        let mut plain = Plain::new(text)?;
        let mut object = plain.object()?;
        while let Some(Name(name)) = object.next_key()? {
            self.field(&name, &mut object)?;
        }
        plain.end()
    }

    fn field(&mut self, name: &str, object: &mut Members<'_, 'a>) -> Result<(), Unusual> {
        if self.membership.is_some() && matches!(name, "type" | "account" | "timestamp_ms" | "user_profiles") {
            return Err(Unusual);
        }
        if name == "user_profiles"
            && text_of(self.wire.kind).as_deref() == Some(MEMBERSHIP)
            && let Ok(account) = Account::read(self.wire.account)
        {
            self.users.begin(&account, self.wire.timestamp());
            let (left_out, shape) = Reading::new(self.users).read(object)?;
            if shape != Shape::Expected {
                return Err(Unusual);
            }
            self.membership = Some(Membership { account, left_out });
            return Ok(());
        }
        match self.wire.of(name) {
            Some(field) => *field = Some(object.raw()?),
            None => skip(object)?,
        }
        Ok(())
    }
}
