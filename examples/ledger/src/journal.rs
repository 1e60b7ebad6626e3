//! Transactions and balances.

use std::collections::BTreeMap;
use std::fmt;

use crate::money::{Cents, format_cents};

/// One line of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub account: String,
    pub amount: Cents,
}

/// Entries that belong together; their amounts add up to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    pub text: String,
    pub entries: Vec<Entry>,
}

/// Why a transaction is not booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalError {
    Unbalanced(Cents),
    Empty,
}

impl fmt::Display for JournalError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbalanced(rest) => write!(formatter, "the entries are off by {}", format_cents(*rest)),
            Self::Empty => formatter.write_str("a transaction needs at least two entries"),
        }
    }
}

impl std::error::Error for JournalError {}

/// All transactions, in the order they were booked.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    transactions: Vec<Transaction>,
}

impl Journal {
    pub fn new() -> Self {
        Self::default()
    }

    /// Books a transaction.
    pub fn book(&mut self, text: &str, entries: &[(&str, Cents)]) -> Result<(), JournalError> {
        if entries.len() < 2 {
            return Err(JournalError::Empty);
        }
        let rest: Cents = entries.iter().map(|(_, amount)| amount).sum();
        if rest != 0 {
            return Err(JournalError::Unbalanced(rest));
        }
        let entries = entries.iter().map(|(account, amount)| Entry { account: (*account).to_string(), amount: *amount });
        self.transactions.push(Transaction { text: text.to_string(), entries: entries.collect() });
        Ok(())
    }

    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// The sum of all entries of one account.
    pub fn balance(&self, account: &str) -> Cents {
        self.entries().filter(|entry| entry.account == account).map(|entry| entry.amount).sum()
    }

    /// Every account that was ever used, with its balance.
    pub fn balances(&self) -> BTreeMap<&str, Cents> {
        let mut balances = BTreeMap::new();
        for entry in self.entries() {
            *balances.entry(entry.account.as_str()).or_insert(0) += entry.amount;
        }
        balances
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.transactions.iter().flat_map(|transaction| &transaction.entries)
    }
}
