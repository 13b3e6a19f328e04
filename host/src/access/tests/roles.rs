use crate::access::{Denied, Gatekeeper, Principal, PrincipalKind, Right, Role, UnknownRole};

#[test]
fn each_role_has_its_rights_and_no_others() {
    let table = [
        (Role::Ingest, [true, false, false, false]),
        (Role::Viewer, [false, true, false, false]),
        (Role::Operator, [true, true, true, false]),
        (Role::Admin, [true, true, true, true]),
    ];
    let gate = Gatekeeper::new(Default::default(), None);
    for (role, expected) in table {
        let principal = Principal {
            kind: PrincipalKind::Token,
            id: "1".into(),
            name: "one".into(),
            role,
            systems: Vec::new(),
        };
        for (right, expected) in Right::ALL.into_iter().zip(expected) {
            assert_eq!(role.may(right), expected, "{role} {right:?}");
            let denied = if expected { Ok(()) } else { Err(Denied::Role { has: role, needs: right }) };
            assert_eq!(gate.authorize(&principal, right), denied);
            if let Err(denied) = denied {
                let text = denied.to_string();
                let holders = Role::ALL.into_iter().filter(|role| role.may(right));
                assert!(holders.into_iter().all(|holder| text.contains(holder.as_str())), "{text}");
            }
        }
    }
}

#[test]
fn roles_are_written_as_they_are_read() {
    for role in Role::ALL {
        assert_eq!(role.to_string().parse(), Ok(role));
        assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
    }
    assert_eq!("Admin".parse::<Role>(), Err(UnknownRole("Admin".into())));
    assert!(
        "".parse::<Role>().unwrap_err().to_string().contains("expected ingest, viewer, operator or admin")
    );
}

#[test]
fn the_process_itself_is_admin() {
    let local = Principal::local("command line");
    assert_eq!((local.kind, local.role), (PrincipalKind::Local, Role::Admin));
    let json = serde_json::to_value(&local).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "kind": "local", "id": "local", "name": "command line", "role": "admin" })
    );
    assert_eq!(serde_json::from_value::<Principal>(json).unwrap(), local);
}
