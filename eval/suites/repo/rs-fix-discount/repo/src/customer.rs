/// How good a customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Customer {
    Normal,
    Silver,
    Gold,
}

impl Customer {
    /// Percent off.
    pub fn discount(self) -> u32 {
        match self {
            Customer::Normal => 0,
            Customer::Silver => 5,
            Customer::Gold => 10,
        }
    }
}
