//! Asks the operator's automation for the runbook that makes a system's data right again.

lapwing_sdk::export_runbook!(
    "sync",
    "Initiate sync",
    "Asks the operator's automation to make a system's data right again"
);

#[cfg(test)]
mod tests {
    #[test]
    fn it_starts_its_runbook_and_takes_it_back() {
        lapwing_sdk::testing::check_runbook::<super::Initiate>("sync");
    }
}
