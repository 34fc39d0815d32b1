//! Reads JSON of the plain kind that machines write, fast: its numbers are short integers, and the texts that are kept have no escapes.
//! Whatever else JSON allows, and whatever it does not allow, is [`Unusual`]: such a text is for `serde_json` to read.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

/// Lists and objects in one another that are read, fewer than `serde_json` reads.
const MAX_DEPTH: u32 = 100;
/// Digits of a number that is read: so many always fit.
const MAX_DIGITS: usize = 18;

/// The text is not plain.
#[derive(Debug, thiserror::Error)]
#[error("not plain JSON")]
pub(crate) struct Unusual;

impl de::Error for Unusual {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// A text that is being read.
pub(crate) struct Plain<'a> {
    text: &'a str,
    /// Whether there is a backslash in it anywhere.
    has_escapes: bool,
    at: usize,
    depth: u32,
}

impl<'a> Plain<'a> {
    /// A text may not hold control characters. It is looked through for them once, many bytes at a time: line breaks between values are
    /// unusual too.
    pub(crate) fn new(text: &'a str) -> Result<Self, Unusual> {
        let has_controls = text.bytes().fold(u8::MAX, u8::min) < b' ';
        let has_escapes = memchr::memchr(b'\\', text.as_bytes()).is_some();
        if has_controls { Err(Unusual) } else { Ok(Self { text, has_escapes, at: 0, depth: 0 }) }
    }

    /// The object that comes next.
    pub(crate) fn object(&mut self) -> Result<Members<'_, 'a>, Unusual> {
        self.pass(b'{')?;
        Ok(Members(Items::new(self)?))
    }

    fn list(&mut self) -> Result<Items<'_, 'a>, Unusual> {
        self.pass(b'[')?;
        Items::new(self)
    }

    /// Nothing is left but white space.
    pub(crate) fn end(&mut self) -> Result<(), Unusual> {
        if self.peek().is_err() { Ok(()) } else { Err(Unusual) }
    }

    fn byte(&self) -> Result<u8, Unusual> {
        self.text.as_bytes().get(self.at).copied().ok_or(Unusual)
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Result<u8, Unusual> {
        loop {
            match self.byte()? {
                b' ' => self.at += 1,
                byte => return Ok(byte),
            }
        }
    }

    fn pass(&mut self, expected: u8) -> Result<(), Unusual> {
        if self.peek()? != expected {
            return Err(Unusual);
        }
        self.at += 1;
        Ok(())
    }

    fn pass_word(&mut self, word: &str) -> Result<(), Unusual> {
        let is = self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes()));
        self.at += word.len();
        if is { Ok(()) } else { Err(Unusual) }
    }

    /// Goes to the next byte that ends a text or begins an escape.
    fn pass_characters(&mut self) -> Result<u8, Unusual> {
        let rest = self.text.as_bytes().get(self.at..).ok_or(Unusual)?;
        self.at += memchr::memchr2(b'"', b'\\', rest).ok_or(Unusual)?;
        self.byte()
    }

    /// A text without escapes.
    fn string(&mut self) -> Result<&'a str, Unusual> {
        self.pass(b'"')?;
        let (_, rest) = self.text.split_at_checked(self.at).ok_or(Unusual)?;
        let end = memchr::memchr(b'"', rest.as_bytes()).ok_or(Unusual)?;
        let (string, _) = rest.split_at_checked(end).ok_or(Unusual)?;
        if self.has_escapes && memchr::memchr(b'\\', string.as_bytes()).is_some() {
            return Err(Unusual);
        }
        self.at += end + 1;
        Ok(string)
    }

    fn skip_string(&mut self) -> Result<(), Unusual> {
        self.pass(b'"')?;
        loop {
            match self.pass_characters()? {
                b'"' => break,
                _ => self.at += 1,
            }
            match self.byte()? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                b'u' => {
                    let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).ok_or(Unusual)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return Err(Unusual);
                    }
                    self.at += 5;
                }
                _ => return Err(Unusual),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// An integer of few digits.
    fn integer(&mut self) -> Result<i64, Unusual> {
        let is_negative = self.byte()? == b'-';
        self.at += usize::from(is_negative);
        let start = self.at;
        let mut number = 0;
        while let Some(digit @ b'0'..=b'9') = self.text.as_bytes().get(self.at) {
            if self.at - start == MAX_DIGITS {
                return Err(Unusual);
            }
            number = number * 10 + i64::from(digit - b'0');
            self.at += 1;
        }
        match (self.at - start, number, self.text.as_bytes().get(self.at)) {
            (_, _, Some(b'.' | b'e' | b'E')) | (0, ..) | (2.., 0, _) => Err(Unusual),
            (1, 0, _) if is_negative => Err(Unusual),
            (digits, _, _) if digits > 1 && self.text.as_bytes().get(start) == Some(&b'0') => Err(Unusual),
            _ => Ok(if is_negative { -number } else { number }),
        }
    }

    /// Any value.
    fn skip(&mut self) -> Result<(), Unusual> {
        match self.peek()? {
            b'"' => self.skip_string(),
            b'{' => {
                let Members(mut items) = self.object()?;
                while items.has_next(b'}')? {
                    items.plain.skip_string()?;
                    items.plain.pass(b':')?;
                    items.plain.skip()?;
                }
                Ok(())
            }
            b'[' => {
                let mut items = self.list()?;
                while items.has_next(b']')? {
                    items.plain.skip()?;
                }
                Ok(())
            }
            b't' => self.pass_word("true"),
            b'f' => self.pass_word("false"),
            b'n' => self.pass_word("null"),
            _ => self.integer().map(|_| ()),
        }
    }
}

/// What stands between two brackets.
pub(crate) struct Items<'p, 'a> {
    plain: &'p mut Plain<'a>,
    is_first: bool,
}

/// What stands in an object.
pub(crate) struct Members<'p, 'a>(Items<'p, 'a>);

impl<'p, 'a> Items<'p, 'a> {
    fn new(plain: &'p mut Plain<'a>) -> Result<Self, Unusual> {
        plain.depth += 1;
        if plain.depth > MAX_DEPTH { Err(Unusual) } else { Ok(Self { plain, is_first: true }) }
    }

    /// Goes to the next item, or behind `closing`.
    fn has_next(&mut self, closing: u8) -> Result<bool, Unusual> {
        match self.plain.peek()? {
            byte if byte == closing => {
                self.plain.at += 1;
                self.plain.depth -= 1;
                return Ok(false);
            }
            b',' if !self.is_first => self.plain.at += 1,
            _ if self.is_first => self.is_first = false,
            _ => return Err(Unusual),
        }
        Ok(true)
    }
}

impl<'a> Members<'_, 'a> {
    /// The value of a field, unread.
    pub(crate) fn raw(&mut self) -> Result<&'a RawValue, Unusual> {
        let Items { plain, .. } = &mut self.0;
        plain.pass(b':')?;
        plain.peek()?;
        let start = plain.at;
        plain.skip()?;
        let json = plain.text.get(start..plain.at).ok_or(Unusual)?;
        serde_json::from_str(json).map_err(|_| Unusual)
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Unusual;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unusual> {
        if !self.0.has_next(b'}')? {
            return Ok(None);
        }
        let name = self.0.plain.string()?;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unusual> {
        self.0.plain.pass(b':')?;
        seed.deserialize(&mut *self.0.plain)
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Unusual;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unusual> {
        if !self.has_next(b']')? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.plain).map(Some)
    }
}

impl<'de> Deserializer<'de> for &mut Plain<'de> {
    type Error = Unusual;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unusual> {
        match self.peek()? {
            b'"' => visitor.visit_borrowed_str(self.string()?),
            b'{' => visitor.visit_map(self.object()?),
            b'[' => visitor.visit_seq(self.list()?),
            b't' => self.pass_word("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.pass_word("false").and_then(|()| visitor.visit_bool(false)),
            b'n' => self.pass_word("null").and_then(|()| visitor.visit_unit()),
            _ => visitor.visit_i64(self.integer()?),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unusual> {
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier
    }
}

#[cfg(test)]
mod tests;
