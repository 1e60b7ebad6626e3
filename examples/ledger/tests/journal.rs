use ledger::{Journal, JournalError};

fn journal() -> Journal {
    let mut journal = Journal::new();
    journal.book("salary", &[("bank", 250_000), ("income", -250_000)]).unwrap();
    journal.book("rent", &[("rent", 80_000), ("bank", -80_000)]).unwrap();
    journal
}

#[test]
fn balances_follow_the_entries() {
    let journal = journal();
    assert_eq!(journal.balance("bank"), 170_000);
    assert_eq!(journal.balance("unknown"), 0);
    assert_eq!(journal.balances().values().sum::<i64>(), 0);
}

#[test]
fn what_does_not_balance_is_refused() {
    let mut journal = Journal::new();
    assert_eq!(journal.book("typo", &[("bank", 10), ("income", -9)]), Err(JournalError::Unbalanced(1)));
    assert_eq!(journal.book("half", &[("bank", 0)]), Err(JournalError::Empty));
    assert!(journal.transactions().is_empty());
    assert_eq!(JournalError::Unbalanced(105).to_string(), "the entries are off by 1.05");
}
