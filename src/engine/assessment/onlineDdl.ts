import { firstWithMessages, mayMakeEventTriggers } from '../catalog/eventTriggers.js';
import type { ReplicationFacts } from '../catalog/replicationFacts.js';
import type { Session } from '../postgres/session.js';
import { type Finding, finding } from './finding.js';

/** With consent alone: whether DDL of the source can be noticed, and what is made there for it. */
export async function noticedDdl(source: Session, facts: ReplicationFacts): Promise<Finding[]> {
  if (facts.versionNum < firstWithMessages)
    return [
      without('The source is older than PostgreSQL 14, which is the first to send what event triggers tell.'),
    ];
  if (!(await mayMakeEventTriggers(source)))
    return [without(`The user ${facts.user.name} may not make event triggers on the source.`)];
  return [
    finding(
      'FF881',
      'note',
      'A function and two event triggers on the source tell of its DDL.',
      'event trigger',
    ),
  ];
}

const without = (message: string): Finding => finding('FF880', 'warning', message, 'event trigger');
