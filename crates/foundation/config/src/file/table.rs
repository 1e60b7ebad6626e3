use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::options::Stated;
use crate::{ConfigError, Origin};

/// A table that remembers which keys were asked for.
pub(super) struct Table<'a> {
    path: &'a Path,
    text: &'a str,
    prefix: String,
    entries: &'a DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str, prefix: String, entries: &'a DeTable<'a>) -> Self {
        Self {
            path,
            text,
            prefix,
            entries,
            known: Vec::new(),
        }
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) fn string(&mut self, name: &'static str) -> Result<Option<Stated<String>>, ConfigError> {
        self.read(name, |value| match value {
            DeValue::String(text) => Ok(text.clone().into_owned()),
            other => Err(format!("is {}; expected a text in quotes", kind(other))),
        })
    }

    pub(super) fn number(&mut self, name: &'static str) -> Result<Option<Stated<u64>>, ConfigError> {
        self.read(name, |value| match value {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| format!("is {number}; expected a positive number")),
            other => Err(format!("is {}; expected a number", kind(other))),
        })
    }

    /// A number as it is written, so that none of its digits is lost.
    pub(super) fn decimal(&mut self, name: &'static str) -> Result<Option<Stated<String>>, ConfigError> {
        self.read(name, |value| match value {
            DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
            DeValue::Float(number) => Ok(number.as_str().to_owned()),
            other => Err(format!("is {}; expected a number", kind(other))),
        })
    }

    pub(super) fn boolean(&mut self, name: &'static str) -> Result<Option<Stated<bool>>, ConfigError> {
        self.read(name, |value| match value {
            DeValue::Boolean(value) => Ok(*value),
            other => Err(format!("is {}; expected true or false", kind(other))),
        })
    }

    pub(super) fn strings(&mut self, name: &'static str) -> Result<Option<Stated<Vec<String>>>, ConfigError> {
        const EXPECTED: &str = "expected a list of texts such as `[\"a\", \"b\"]`";
        self.read(name, |value| match value {
            DeValue::Array(values) => values
                .iter()
                .map(|value| match value.get_ref() {
                    DeValue::String(text) => Ok(text.clone().into_owned()),
                    other => Err(format!("holds {}; {EXPECTED}", kind(other))),
                })
                .collect(),
            other => Err(format!("is {}; {EXPECTED}", kind(other))),
        })
    }

    pub(super) fn table(&mut self, name: &'static str) -> Result<Option<Table<'a>>, ConfigError> {
        let stated = self.read(name, |value| match value {
            DeValue::Table(entries) => Ok(entries),
            other => Err(format!("is {}; expected a table `[{name}]`", kind(other))),
        })?;
        Ok(stated.map(|stated| {
            Table::new(
                self.path,
                self.text,
                format!("{}{name}.", self.prefix),
                stated.value,
            )
        }))
    }

    pub(super) fn tables(&mut self, name: &'static str) -> Result<Vec<(Origin, Table<'a>)>, ConfigError> {
        let (path, text, prefix) = (self.path, self.text, format!("{}{name}.", self.prefix));
        let stated = self.read(name, |value| {
            let DeValue::Array(values) = value else {
                return Err(format!("is {}; expected tables `[[{name}]]`", kind(value)));
            };
            values
                .iter()
                .map(|value| match value.get_ref() {
                    DeValue::Table(entries) => {
                        let origin = origin_of(path, text, value.span().start);
                        Ok((origin, Table::new(path, text, prefix.clone(), entries)))
                    }
                    other => Err(format!("holds {}; expected tables `[[{name}]]`", kind(other))),
                })
                .collect()
        })?;
        Ok(stated.map_or_else(Vec::new, |stated| stated.value))
    }

    /// Refuses the first key that nobody asked for.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        let unknown = self
            .entries
            .keys()
            .filter(|key| !self.known.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        unknown.map_or(Ok(()), |key| {
            let origin = origin_of(self.path, self.text, key.span().start);
            Err(ConfigError::unknown(
                origin,
                &self.prefix,
                key.get_ref(),
                self.known.iter().copied(),
            ))
        })
    }

    fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a DeValue<'a>) -> Result<T, String>,
    ) -> Result<Option<Stated<T>>, ConfigError> {
        self.known.push(name);
        let Some((key, value)) = self.entries.get_key_value(name) else {
            return Ok(None);
        };
        let origin = origin_of(self.path, self.text, Spanned::span(key).start);
        Stated::new(value.get_ref(), origin)
            .read(&self.key(name), read)
            .map(Some)
    }
}

pub(super) fn origin_of(path: &Path, text: &str, byte: usize) -> Origin {
    let before = text.as_bytes().get(..byte).unwrap_or_default();
    Origin::File {
        path: path.to_owned(),
        line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
