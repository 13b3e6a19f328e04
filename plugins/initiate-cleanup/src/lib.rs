//! Asks the operator's automation for the runbook that frees what a system runs out of.

lapwing_sdk::export_runbook!(
    "cleanup",
    "Initiate cleanup",
    "Asks the operator's automation to free what a system runs out of"
);

#[cfg(test)]
mod tests {
    #[test]
    fn it_starts_its_runbook_and_takes_it_back() {
        lapwing_sdk::testing::check_runbook::<super::Initiate>("cleanup");
    }
}
