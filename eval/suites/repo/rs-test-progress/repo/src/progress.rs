/// How much is done, in whole percent rounded down; more than everything is still 100, nothing to do is 100 too.
pub fn percent(done: u64, total: u64) -> u8 {
    if total == 0 || done >= total {
        return 100;
    }
    (done * 100 / total) as u8
}
