//! Asks the operator's automation for the runbook that brings a system back.

lapwing_sdk::export_runbook!(
    "recovery",
    "Initiate recovery",
    "Asks the operator's automation to bring a system back"
);

#[cfg(test)]
mod tests {
    #[test]
    fn it_starts_its_runbook_and_takes_it_back() {
        lapwing_sdk::testing::check_runbook::<super::Initiate>("recovery");
    }
}
