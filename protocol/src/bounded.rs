//! A list with a compile-time cap, so that no peer decides how much memory a message takes.
//!
//! Decoding never reserves by a length prefix: elements are pushed as their bytes are consumed, and
//! the first element past the cap is an error.

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// At most `MAX` elements.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounded<T, const MAX: usize>(Vec<T>);

/// A list had more elements than its type allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("list of {found} elements, at most {max} allowed")]
pub struct TooLong {
    /// Elements found.
    pub found: usize,
    /// Elements allowed.
    pub max: usize,
}

impl<T, const MAX: usize> Bounded<T, MAX> {
    /// The cap.
    pub const MAX: usize = MAX;

    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends, unless the list is full.
    ///
    /// # Errors
    /// [`TooLong`] with the element dropped.
    pub fn push(&mut self, element: T) -> Result<(), TooLong> {
        if self.0.len() >= MAX {
            return Err(TooLong { found: self.0.len().saturating_add(1), max: MAX });
        }
        self.0.push(element);
        Ok(())
    }

    /// Keeps the elements `keep` says yes to.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.0.retain(keep);
    }

    /// The plain list.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }

    /// The first `MAX` elements of an iterator; the rest is dropped. For lists we make ourselves.
    pub fn first_of(elements: impl IntoIterator<Item = T>) -> Self {
        Self(elements.into_iter().take(MAX).collect())
    }
}

impl<T, const MAX: usize> TryFrom<Vec<T>> for Bounded<T, MAX> {
    type Error = TooLong;
    fn try_from(list: Vec<T>) -> Result<Self, TooLong> {
        if list.len() > MAX {
            return Err(TooLong { found: list.len(), max: MAX });
        }
        Ok(Self(list))
    }
}

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const MAX: usize> Deref for Bounded<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a Bounded<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: fmt::Debug, const MAX: usize> fmt::Debug for Bounded<T, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Serialize, const MAX: usize> Serialize for Bounded<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor::<T, MAX>(PhantomData))
    }
}

struct ListVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ListVisitor<T, MAX> {
    type Value = Bounded<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = Bounded::new();
        while let Some(element) = elements.next_element()? {
            list.push(element).map_err(A::Error::custom)?;
        }
        Ok(list)
    }
}
