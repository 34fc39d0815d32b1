//! Reads structs from JSON objects alone. What serde derives also takes an array for a struct, value by position, and the
//! protocol has no such form; nor has it objects where an enumeration's text is due.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// A struct whose derived reading (`#[serde(remote = "Self")]`) is to be used for objects.
pub(crate) trait Fields<'de>: Sized {
    fn from_fields<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Reads an object, and nothing else.
pub(crate) fn object<'de, T: Fields<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);
    impl<'de, T: Fields<'de>> Visitor<'de> for Object<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::from_fields(MapAccessDeserializer::new(map))
        }
    }
    deserializer.deserialize_map(Object(PhantomData))
}

/// Makes structs with `#[serde(remote = "Self")]` readable from objects.
macro_rules! read_from_objects {
    ($($name:ident $(<$life:lifetime>)?),* $(,)?) => {$(
        impl<'de $(: $life, $life)?> $crate::object::Fields<'de> for $name $(<$life>)? {
            fn from_fields<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize(deserializer)
            }
        }
        impl<'de $(: $life, $life)?> ::serde::Deserialize<'de> for $name $(<$life>)? {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::object::object(deserializer)
            }
        }
    )*};
}
pub(crate) use read_from_objects;

/// A word of a known set.
pub(crate) trait Word: Sized {
    fn of(text: &str) -> Option<Self>;
}

/// Reads a text that is one of the known words.
pub(crate) fn word<'de, T: Word, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct OneOf<T>(PhantomData<T>);
    impl<T: Word> Visitor<'_> for OneOf<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a known word")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            T::of(text).ok_or_else(|| E::custom("not a known word"))
        }
    }
    deserializer.deserialize_str(OneOf(PhantomData))
}

/// Reads `null` as the empty value.
pub(crate) fn or_empty<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
