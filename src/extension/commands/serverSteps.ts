import * as vscode from 'vscode';
import type { BrowsingEngine } from '../engine/browsingEngine.js';
import { faultText, toFault } from '../faults.js';
import { keywordText, withDirectPort } from '../servers/connectionText.js';
import type { ServerDraft } from '../servers/serverDraft.js';
import { groupParts, type ServerRole } from '../servers/serverRecord.js';
import { inputStep, type Outcome, type PickItem, pickStep, type Step } from './steps.js';
import { testStep } from './testStep.js';

const t = vscode.l10n.t;

type TextField = 'host' | 'port' | 'user' | 'database';

function fieldStep(
  field: TextField,
  prompt: string,
  placeholder: string,
  validate: (text: string) => string | undefined,
): Step<ServerDraft> {
  return {
    when: (draft) => draft.mode === 'form',
    async run(draft, at) {
      const { outcome, text } = await inputStep(at, { prompt, placeholder, value: draft[field], validate });
      draft[field] = text.trim();
      return outcome;
    },
  };
}

const required = (text: string) => (text.trim() === '' ? t('Enter a value.') : undefined);

function portProblem(text: string): string | undefined {
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port < 65536 ? undefined : t('Enter a port from 1 to 65535.');
}

const modeStep: Step<ServerDraft> = {
  async run(draft, at) {
    const items: PickItem<'paste' | 'form'>[] = [
      {
        value: 'paste',
        label: `$(clippy) ${t('Paste a connection string')}`,
        detail: t(
          'A URI, keyword string or psql command, or the JDBC or ADO.NET string that the Azure portal shows',
        ),
      },
      {
        value: 'form',
        label: `$(list-selection) ${t('Fill in a form')}`,
        detail: t('Host, port, user, database and TLS mode, one after the other'),
      },
    ];
    const { outcome, value } = await pickStep(at, {
      placeholder: t('How do you want to describe the server?'),
      items,
      active: draft.mode,
    });
    if (value) draft.mode = value;
    return outcome;
  },
};

/** Reads the text with the engine's own parser and keeps what it found. A sentence where it cannot be read. */
async function resolveDraft(
  engine: BrowsingEngine,
  draft: ServerDraft,
  text: string,
): Promise<string | undefined> {
  try {
    const found = await engine.resolve({ text });
    draft.connection = found.canonical;
    const [host] = found.spec.hosts;
    draft.suggestedName = host ? host.host.split('.')[0] || host.host : found.spec.database;
    if (/^[\d:]+$/.test(draft.suggestedName) && host) draft.suggestedName = `${host.host}:${host.port}`;
    if (found.poolerPort === undefined) delete draft.poolerPort;
    else draft.poolerPort = found.poolerPort;
    if (found.password === undefined) delete draft.pastedPassword;
    else draft.pastedPassword = found.password;
    return undefined;
  } catch (error) {
    return faultText(toFault(error));
  }
}

function pasteStep(engine: BrowsingEngine): Step<ServerDraft> {
  return {
    when: (draft) => draft.mode === 'paste',
    async run(draft, at) {
      const { outcome, text } = await inputStep(at, {
        prompt: t('Connection string. A password in it goes to the secret storage, not to a file.'),
        placeholder: 'postgresql://user@host:5432/database?sslmode=require',
        value: draft.text,
        accept: (entered) => resolveDraft(engine, draft, entered),
      });
      draft.text = text;
      return outcome;
    },
  };
}

function sslStep(engine: BrowsingEngine): Step<ServerDraft> {
  const modes: Record<string, string> = {
    prefer: t('TLS where the server offers it'),
    require: t('TLS always, without checking the certificate; what a Flexible Server demands'),
    'verify-full': t('TLS, the certificate and the host name in it are checked'),
    'verify-ca': t('TLS, the certificate is checked'),
    disable: t('No TLS'),
  };
  return {
    when: (draft) => draft.mode === 'form',
    async run(draft, at) {
      const items = Object.entries(modes).map(([value, detail]) => ({ value, label: value, detail }));
      const placeholder = t('TLS mode');
      const { outcome, value } = await pickStep(at, { placeholder, items, active: draft.sslmode });
      if (outcome !== 'next' || value === undefined) return outcome;
      draft.sslmode = value;
      const problem = await resolveDraft(engine, draft, keywordText(draft));
      if (problem === undefined) return 'next';
      void vscode.window.showErrorMessage(problem);
      return 'back';
    },
  };
}

const poolerStep: Step<ServerDraft> = {
  when: (draft) => draft.poolerPort !== undefined,
  async run(draft, at) {
    const port = String(draft.poolerPort ?? '');
    const { outcome, value } = await pickStep(at, {
      placeholder: t('Port {0} is a connection pooler, which cannot carry a migration.', port),
      items: [
        {
          value: true,
          label: `$(check) ${t('Use port 5432 of the same host')}`,
          description: t('recommended'),
        },
        { value: false, label: `$(warning) ${t('Keep port {0}', port)}` },
      ],
    });
    if (outcome === 'next' && value) draft.connection = withDirectPort(draft.connection);
    return outcome;
  },
};

const passwordStep: Step<ServerDraft> = {
  when: (draft) => draft.pastedPassword === undefined,
  async run(draft, at) {
    const toggle = {
      on: t('It is kept in the secret storage.'),
      off: t('It is kept until this window closes.'),
      value: draft.keepPassword,
    };
    const { outcome, text } = await inputStep(at, {
      prompt: draft.editing
        ? t('Password. Leave it empty to keep the stored one.')
        : t('Password. Leave it empty if .pgpass, a certificate or trust is used.'),
      password: true,
      value: draft.password ?? '',
      toggle,
    });
    if (text === '') delete draft.password;
    else draft.password = text;
    draft.keepPassword = toggle.value;
    return outcome;
  },
};

const roleStep: Step<ServerDraft> = {
  async run(draft, at) {
    const items: PickItem<ServerRole>[] = [
      { value: 'source', label: `$(arrow-up) ${t('Source')}`, detail: t('Databases are migrated from it') },
      { value: 'target', label: `$(arrow-down) ${t('Target')}`, detail: t('Databases are migrated to it') },
      { value: 'both', label: `$(arrow-swap) ${t('Source and target')}` },
    ];
    const placeholder = draft.facts
      ? t('Connected: PostgreSQL {0}. What is this server?', draft.facts.version)
      : t('What is this server?');
    const { outcome, value } = await pickStep(at, { placeholder, items, active: draft.role });
    if (value) draft.role = value;
    return outcome;
  },
};

function nameStep(taken: () => readonly string[]): Step<ServerDraft> {
  const split = (text: string) => {
    const parts = groupParts(text);
    return { name: parts.at(-1) ?? '', group: parts.slice(0, -1).join('/') };
  };
  return {
    async run(draft, at): Promise<Outcome> {
      const name = draft.name === '' ? draft.suggestedName : draft.name;
      const { outcome, text } = await inputStep(at, {
        prompt: t('Name in the Servers view. Put it into groups with "/", as in Production/Europe/orders.'),
        value: draft.group ? `${draft.group}/${name}` : name,
        validate(entered) {
          const chosen = split(entered).name;
          if (chosen === '') return t('Enter a name.');
          return taken().includes(chosen) ? t('Another server has this name.') : undefined;
        },
      });
      const chosen = split(text);
      draft.name = chosen.name;
      if (chosen.group === '') delete draft.group;
      else draft.group = chosen.group;
      return outcome;
    },
  };
}

/** The steps of "Add Server…" and "Edit Server…". `stored` gives the password kept for the server being edited. */
export function serverSteps(
  engine: BrowsingEngine,
  taken: () => readonly string[],
  stored: () => Promise<string | undefined>,
): Step<ServerDraft>[] {
  return [
    modeStep,
    pasteStep(engine),
    fieldStep('host', t('Host name or address'), 'myserver.postgres.database.azure.com', required),
    fieldStep('port', t('Port'), '5432', portProblem),
    fieldStep('user', t('User'), 'postgres', required),
    fieldStep('database', t('Database to connect to first'), 'postgres', required),
    sslStep(engine),
    poolerStep,
    passwordStep,
    testStep(engine, stored),
    roleStep,
    nameStep(taken),
  ];
}
