//! Reads JSON that may have any shape: an object, a list or a scalar where one is expected. Everything else is skipped without being kept.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What stands where an object or a list is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The object or the list.
    Expected,
    /// `null`, which counts as nothing.
    Null,
    /// Another value.
    Other,
}

/// Something that is filled from the fields of an object.
pub(crate) trait Object<'de> {
    /// Reads the value of the field `name` from `object`: exactly one call.
    fn field<A: MapAccess<'de>>(&mut self, name: &str, object: &mut A) -> Result<(), A::Error>;
}

/// Fills `T` from a value; nothing but an object changes it.
pub(crate) struct Fields<'t, T>(pub(crate) &'t mut T);

/// Something that takes the elements of a list.
pub(crate) trait List<'de> {
    /// Reads an element from `list`, or tells with `false` that there is none.
    fn element<A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<bool, A::Error>;
}

/// Reads a value into `T`; nothing but a list changes it.
pub(crate) struct Elements<'t, T>(pub(crate) &'t mut T);

/// A field's name.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// What all visitors do with scalars where something else is expected.
macro_rules! scalars_are_other {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON")
        }
        fn visit_unit<E>(self) -> Result<Shape, E> {
            Ok(Shape::Null)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
            Ok(Shape::Other)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
            Ok(Shape::Other)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
            Ok(Shape::Other)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
            Ok(Shape::Other)
        }
        fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
            Ok(Shape::Other)
        }
    };
}

impl<'de, T: Object<'de>> DeserializeSeed<'de> for Fields<'_, T> {
    type Value = Shape;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Object<'de>> Visitor<'de> for Fields<'_, T> {
    type Value = Shape;
    scalars_are_other!();
    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Shape, A::Error> {
        while let Some(Name(name)) = object.next_key()? {
            self.0.field(&name, &mut object)?;
        }
        Ok(Shape::Expected)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Shape, A::Error> {
        skip_list(list)
    }
}

impl<'de, T: List<'de>> DeserializeSeed<'de> for Elements<'_, T> {
    type Value = Shape;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: List<'de>> Visitor<'de> for Elements<'_, T> {
    type Value = Shape;
    scalars_are_other!();
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Shape, A::Error> {
        skip_object(object)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        while self.0.element(&mut list)? {}
        Ok(Shape::Expected)
    }
}

fn skip_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Shape, A::Error> {
    while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(Shape::Other)
}

fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Shape, A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(Shape::Other)
}

/// Skips the value of a field.
pub(crate) fn skip<'de, A: MapAccess<'de>>(object: &mut A) -> Result<(), A::Error> {
    object.next_value::<IgnoredAny>().map(|_| ())
}

/// A value where a text or an integer is expected.
#[derive(Default)]
pub(crate) enum Scalar<'a> {
    Text(Cow<'a, str>),
    /// Fewer bytes than one type that holds both: a scalar is moved about for each text of a message.
    Integer(i64),
    /// An integer that is larger.
    Large(u64),
    Bool(bool),
    /// `null`, or no value at all.
    #[default]
    Null,
    Other,
}

impl<'a> Scalar<'a> {
    /// A text, to be compared with words: no number is one.
    pub(crate) fn word(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Integer(_) | Self::Large(_) | Self::Bool(_) | Self::Null | Self::Other => None,
        }
    }

    /// A text as it is, an integer as its digits.
    pub(crate) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Integer(number) => Some(Cow::Owned(number.to_string())),
            Self::Large(number) => Some(Cow::Owned(number.to_string())),
            Self::Bool(_) | Self::Null | Self::Other => None,
        }
    }

    /// An integer, or a text that is one.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Text(text) => text.trim().parse().ok(),
            Self::Integer(number) => Some(*number),
            Self::Large(_) | Self::Bool(_) | Self::Null | Self::Other => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyScalar)
    }
}

struct AnyScalar;

impl<'de> Visitor<'de> for AnyScalar {
    type Value = Scalar<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }
    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }
    fn visit_bool<E>(self, is: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Bool(is))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Integer(number))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(i64::try_from(number).map_or(Scalar::Large(number), Scalar::Integer))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Scalar<'de>, A::Error> {
        skip_object(object).map(|_| Scalar::Other)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Scalar<'de>, A::Error> {
        skip_list(list).map(|_| Scalar::Other)
    }
}
