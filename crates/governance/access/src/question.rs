//! One request in Cedar's words: who, what, to what, and the two entities that policies may look at.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression, Schema,
};
use tenon_domain::{Classification, Principal, PrincipalId, PrincipalKind, Role};

use crate::policy::PolicyError;
use crate::{Action, Resource};

/// A request and everything that policies can see of it. Policies are validated to look no further than the attributes
/// of the principal and of the resource, so that these two entities are all there is to build.
pub(crate) struct Question {
    pub(crate) request: Request,
    pub(crate) entities: Entities,
}

/// The names of the schema, parsed once.
#[derive(Debug, Clone)]
pub(crate) struct Vocabulary {
    action: EntityTypeName,
    role: EntityTypeName,
    kind: EntityTypeName,
    classification: EntityTypeName,
    principal: EntityTypeName,
    service: EntityTypeName,
    repository: EntityTypeName,
    job: EntityTypeName,
    proposal: EntityTypeName,
    batch: EntityTypeName,
    model: EntityTypeName,
    key: EntityTypeName,
    user: EntityTypeName,
}

type Attributes = HashMap<String, RestrictedExpression>;

impl Vocabulary {
    pub(crate) fn new() -> Result<Self, PolicyError> {
        Ok(Self {
            action: parse_name("Action")?,
            role: parse_name("Role")?,
            kind: parse_name("Kind")?,
            classification: parse_name("Classification")?,
            principal: parse_name("Principal")?,
            service: parse_name("Service")?,
            repository: parse_name("Repository")?,
            job: parse_name("Job")?,
            proposal: parse_name("Proposal")?,
            batch: parse_name("Batch")?,
            model: parse_name("Model")?,
            key: parse_name("Key")?,
            user: parse_name("User")?,
        })
    }

    /// The request as Cedar takes it; an error when the action is not done to such a resource.
    pub(crate) fn ask(
        &self,
        schema: &Schema,
        principal: &Principal,
        action: Action,
        resource: &Resource,
    ) -> Result<Question, String> {
        let asker = self.principal_entity(principal, principal.role_in(resource.repository()))?;
        let thing = self.resource_entity(resource)?;
        let action = uid(&self.action, action.as_str());
        let request = Request::new(asker.uid(), action, thing.uid(), Context::empty(), Some(schema))
            .map_err(|error| error.to_string())?;
        let entities = Entities::from_entities([asker, thing], None).map_err(|error| error.to_string())?;
        Ok(Question { request, entities })
    }

    fn principal_entity(&self, principal: &Principal, role: Role) -> Result<Entity, String> {
        let mut attributes: Attributes = HashMap::from([
            ("name".to_owned(), string(&principal.name)),
            ("kind".to_owned(), self.kind_expression(principal.kind)),
            ("role".to_owned(), reference(uid(&self.role, role.as_str()))),
        ]);
        if let Some(team) = &principal.team {
            attributes.insert("team".to_owned(), string(team));
        }
        // The weaker roles are parents, too: no role has to be looked up for its own parents.
        let held = Role::ALL.into_iter().filter(|weaker| *weaker <= role);
        let roles = held.map(|role| uid(&self.role, role.as_str())).collect();
        entity(self.principal_uid(principal.id), attributes, roles)
    }

    fn resource_entity(&self, resource: &Resource) -> Result<Entity, String> {
        match resource {
            Resource::Service => Ok(Entity::with_uid(uid(&self.service, "tenon"))),
            Resource::Repository { name, classification } => {
                let attributes = self.in_repository(name, *classification);
                entity(uid(&self.repository, name), attributes, HashSet::new())
            }
            Resource::Job {
                id,
                owner,
                repository,
                classification,
            } => {
                let id = uid(&self.job, &id.to_string());
                self.generated(id, *owner, repository, *classification)
            }
            Resource::Proposal {
                id,
                owner,
                repository,
                classification,
            } => {
                let id = uid(&self.proposal, &id.to_string());
                self.generated(id, *owner, repository, *classification)
            }
            Resource::Batch {
                id,
                owner,
                repository,
                classification,
            } => {
                let id = uid(&self.batch, &id.to_string());
                self.generated(id, *owner, repository, *classification)
            }
            Resource::Model { name } => Ok(Entity::with_uid(uid(&self.model, name))),
            Resource::Key { owner } => self.owned(uid(&self.key, &owner.to_string()), "owner", *owner),
            Resource::Principal { id } => self.owned(uid(&self.user, &id.to_string()), "principal", *id),
        }
    }

    fn generated(
        &self,
        id: EntityUid,
        owner: PrincipalId,
        repository: &str,
        classification: Classification,
    ) -> Result<Entity, String> {
        let mut attributes = self.in_repository(repository, classification);
        attributes.insert("owner".to_owned(), reference(self.principal_uid(owner)));
        entity(id, attributes, HashSet::from([uid(&self.repository, repository)]))
    }

    fn owned(&self, id: EntityUid, attribute: &str, owner: PrincipalId) -> Result<Entity, String> {
        let attributes = HashMap::from([(attribute.to_owned(), reference(self.principal_uid(owner)))]);
        entity(id, attributes, HashSet::new())
    }

    fn in_repository(&self, name: &str, classification: Classification) -> Attributes {
        let classification = uid(&self.classification, classification.as_str());
        HashMap::from([
            ("repository".to_owned(), string(name)),
            ("classification".to_owned(), reference(classification)),
        ])
    }

    fn kind_expression(&self, kind: PrincipalKind) -> RestrictedExpression {
        reference(uid(&self.kind, kind.as_str()))
    }

    fn principal_uid(&self, id: PrincipalId) -> EntityUid {
        uid(&self.principal, &id.to_string())
    }
}

fn parse_name(name: &str) -> Result<EntityTypeName, PolicyError> {
    let parsed = format!("Tenon::{name}").parse();
    parsed.map_err(|error| PolicyError::schema(&error))
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn string(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn reference(to: EntityUid) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(to)
}

fn entity(id: EntityUid, attributes: Attributes, parents: HashSet<EntityUid>) -> Result<Entity, String> {
    Entity::new(id, attributes, parents).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tenon_domain::{BatchId, JobId, ProposalId};

    use super::*;
    use crate::policy::Policies;

    const CLASSIFICATION: Classification = Classification::Confidential;

    fn everything(owner: PrincipalId) -> Vec<Resource> {
        let repository = "web".to_owned();
        vec![
            Resource::Service,
            Resource::Repository {
                name: repository.clone(),
                classification: CLASSIFICATION,
            },
            Resource::Job {
                id: JobId::new(),
                owner,
                repository: repository.clone(),
                classification: CLASSIFICATION,
            },
            Resource::Proposal {
                id: ProposalId::new(),
                owner,
                repository: repository.clone(),
                classification: CLASSIFICATION,
            },
            Resource::Batch {
                id: BatchId::new(),
                owner,
                repository,
                classification: CLASSIFICATION,
            },
            Resource::Model {
                name: "small".to_owned(),
            },
            Resource::Key { owner },
            Resource::Principal { id: owner },
        ]
    }

    fn principal(kind: PrincipalKind, team: Option<&str>) -> Principal {
        Principal {
            id: PrincipalId::new(),
            name: "ada \"the\" first".to_owned(),
            kind,
            team: team.map(str::to_owned),
            role: Role::Reviewer,
            repositories: [("web".to_owned(), Role::Admin)].into(),
        }
    }

    #[test]
    fn what_is_put_before_policies_is_what_the_schema_promises() {
        let schema = Policies::load(None).unwrap().schema;
        let vocabulary = Vocabulary::new().unwrap();
        let askers = [
            principal(PrincipalKind::Person, Some("payments")),
            principal(PrincipalKind::ServiceAccount, None),
        ];
        for asker in &askers {
            for resource in everything(asker.id) {
                let question = Action::ALL
                    .iter()
                    .find_map(|action| vocabulary.ask(&schema, asker, *action, &resource).ok())
                    .unwrap_or_else(|| panic!("nothing can be done to {resource:?}"));
                let entities = question.entities.iter().cloned();
                Entities::from_entities(entities, Some(&schema)).unwrap();
            }
        }
    }

    #[test]
    fn the_schema_has_the_actions_of_the_code_and_knows_which_concern_repositories() {
        let schema = Policies::load(None).unwrap().schema;
        let name = |uid: &EntityUid| uid.id().unescaped().to_owned();
        let in_schema: BTreeSet<_> = schema.actions().map(name).collect();
        let in_code: BTreeSet<_> = Action::ALL.iter().map(Action::to_string).collect();
        assert_eq!(in_schema, in_code);
        for action in schema.actions() {
            let mut kinds = schema.resources_for_action(action).unwrap();
            let concerned =
                kinds.any(|kind| ["Repository", "Job", "Proposal", "Batch"].contains(&kind.basename()));
            let action: Action = name(action).parse().unwrap();
            assert_eq!(action.is_in_repositories(), concerned, "{action}");
        }
    }
}
