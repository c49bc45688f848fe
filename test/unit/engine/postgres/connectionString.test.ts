import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { Fault } from '../../../../src/engine/errors/fault.js';
import { resolveConnectionInput } from '../../../../src/engine/postgres/connectionString.js';

const home = mkdtempSync(join(tmpdir(), 'flexferry-home-'));
after(() => rmSync(home, { recursive: true }));
const bare = { HOME: home };

function resolve(text: string, env: NodeJS.ProcessEnv = bare) {
  return resolveConnectionInput({ text }, env).spec;
}

/** The parts that most cases are about: user, password, hosts with ports, database, sslmode. */
function brief(text: string, env: NodeJS.ProcessEnv = bare): string {
  const { user, password, hosts, database, sslmode } = resolve(text, env);
  const where = hosts.map(({ host, port, hostaddr }) => `${host}${hostaddr ? `=${hostaddr}` : ''}:${port}`);
  return `${user} ${password ?? '-'} ${where.join(',')} ${database} ${sslmode}`;
}

function refuses(text: string, words: RegExp, env: NodeJS.ProcessEnv = bare, code = 'FF110'): void {
  assert.throws(
    () => resolve(text, env),
    (error) => {
      assert.ok(error instanceof Fault);
      assert.equal(error.code, code);
      assert.match(error.message, words);
      assert.doesNotMatch(inspect(error), /s3cret/);
      return true;
    },
  );
}

function file(name: string, content: string, mode = 0o600): string {
  const path = join(home, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

describe('every form of a connection string', () => {
  const cases: readonly [text: string, expected: string][] = [
    ['postgresql://u:p@h:5433/d?sslmode=require', 'u p h:5433 d require'],
    ['postgres://u@h', 'u - h:5432 u prefer'],
    ['postgresql://h1:1,h2:2,h3/d?user=u', 'u - h1:1,h2:2,h3:5432 d prefer'],
    ['postgresql://u%40x:p%3A%2F%20@h/a%2Fb', 'u@x p:/  h:5432 a/b prefer'],
    ['postgresql://u:p@ss@h/d', 'u p@ss h:5432 d prefer'],
    ['postgresql://u@[::1]:5433/d', 'u - ::1:5433 d prefer'],
    ['postgresql://u@[2001:db8::1]/d', 'u - 2001:db8::1:5432 d prefer'],
    ['postgresql://u@%2Fvar%2Frun/d', 'u - /var/run:5432 d prefer'],
    ['postgresql:///d?host=/tmp/x&port=6000&user=u', 'u - /tmp/x:6000 d prefer'],
    ['postgresql://u@a/d?host=b&port=7', 'u - b:7 d prefer'],
    ['postgresql://u@h/d?ssl=true', 'u - h:5432 d require'],
    ['host=h user=u', 'u - h:5432 u prefer'],
    [
      "host = h port= 5433 user ='my user' password='it\\'s \\\\ 1' dbname=''",
      "my user it's \\ 1 h:5433 my user prefer",
    ],
    ['host=h user=u password=a\\ b dbname=d', 'u a b h:5432 d prefer'],
    ['host=a,b port=1,2 user=u dbname=d', 'u - a:1,b:2 d prefer'],
    ['host=a,b port=7 user=u dbname=d', 'u - a:7,b:7 d prefer'],
    ['host=n hostaddr=10.0.0.1 user=u dbname=d', 'u - n=10.0.0.1:5432 d prefer'],
    ['hostaddr=10.0.0.1 user=u dbname=d', 'u - 10.0.0.1:5432 d prefer'],
    ['host=h user=u password=a;b=c', 'u a;b=c h:5432 u prefer'],
    ['Host=h;Port=5433;Username=u;Password=p q;Database=d;SSL Mode=VerifyFull', 'u p q h:5433 d verify-full'],
    [
      'Server=h;User Id=u;Password="a;b""c";Database=d;Ssl Mode=Require;Trust Server Certificate=true;',
      'u a;b"c h:5432 d require',
    ],
    [
      'jdbc:postgresql://h:5433/d?user=u&password=p&sslmode=verify-ca&prepareThreshold=0',
      'u p h:5433 d verify-ca',
    ],
    ['jdbc:postgresql://h/d?user=u&ssl=true', 'u - h:5432 d require'],
    ['postgresql+psycopg2://u:p@h/d', 'u p h:5432 d prefer'],
    [
      'psql "host=h port=5432 dbname=d user=u password={your_password} sslmode=require"',
      'u - h:5432 d require',
    ],
    ['psql -h h -p 5433 -U u d', 'u - h:5433 d prefer'],
    ['PGPASSWORD=p psql --host=h --username u --dbname=d', 'u p h:5432 d prefer'],
    ["psql 'postgresql://u:p@h/d?sslmode=require'", 'u p h:5432 d require'],
    [
      'export PGHOST=h\nexport PGUSER=u\nexport PGPORT=5432\nexport PGDATABASE=d\nexport PGPASSWORD="{your-password}"',
      'u - h:5432 d prefer',
    ],
  ];
  for (const [text, expected] of cases) {
    test(text.split('\n')[0], () => assert.equal(brief(text), expected));
  }
});

describe('a text that cannot be read never shows in the error', () => {
  test('word without value', () => refuses('host=h password=s3cret s3cret2', /character/));
  test('unknown parameter', () => refuses('host=h password=a s3cret=b', /no connection parameter/));
  test('open quote', () => refuses("host=h password='s3cret", /password does not end/));
  test('bad port', () => refuses('postgresql://u:s3cret', /port/));
  test('slash in the password', () => refuses('postgresql://u:s3cret/x@h/d', /%2F/));
  test('bad percent code', () => refuses('postgresql://u:s3cret%zz@h/d', /percent-encoded/));
  test('zero byte', () => refuses('postgresql://u:s3cret%00@h/d', /percent-encoded/));
  test('unknown URI parameter', () => refuses('postgresql://u:s3cret@h/d?x=1', /no connection parameter/));
  test('sslmode', () => refuses('host=h sslmode=s3cret', /verify-full/));
  test('connect_timeout', () => refuses('host=h connect_timeout=s3cret', /seconds/));
  test('channel_binding', () => refuses('host=h channel_binding=s3cret', /require/));
  test('target_session_attrs', () => refuses('host=h target_session_attrs=s3cret', /read-write/));
  test('too many ports', () => refuses('host=h port=1,2', /1 hosts and 2 ports/));
  test('weak sslmode with the system authorities', () =>
    refuses('host=h sslrootcert=system sslmode=require', /verify-full/));
});

describe('precedence', () => {
  test('text, service file, environment, default', () => {
    const service = file(
      'services',
      '# c\n[other]\nhost=no\n\n[mine]\nhost=fromservice\nport=1111\ndbname=sdb\n[x]\n',
    );
    const env = {
      ...bare,
      PGSERVICEFILE: service,
      PGHOST: 'fromenv',
      PGPORT: '2222',
      PGUSER: 'envuser',
      PGPASSWORD: 'envpw',
    };
    assert.equal(brief('service=mine port=3333', env), 'envuser envpw fromservice:3333 sdb prefer');
    assert.equal(brief('', { ...env, PGSERVICE: 'mine' }), 'envuser envpw fromservice:1111 sdb prefer');
    assert.equal(brief('', env), 'envuser envpw fromenv:2222 envuser prefer');
    refuses('service=none', /"none" is not defined/, env, 'FF112');
    refuses('service=mine', /cannot be read/, { ...bare, PGSERVICEFILE: join(home, 'missing') }, 'FF112');
    file('bad', '[mine]\nhost=h\ns3cret\n');
    refuses('service=mine', /line 3/, { ...bare, PGSERVICEFILE: join(home, 'bad') }, 'FF112');
  });
  test('password and database given apart go first', () => {
    const { spec } = resolveConnectionInput(
      { text: 'postgresql://u:a@h/d', password: 'b', database: 'e' },
      bare,
    );
    assert.deepEqual([spec.password, spec.database], ['b', 'e']);
  });
  test('all the rest', () => {
    const spec = resolve(
      'host=h user=u sslrootcert=~/ca.crt connect_timeout=7 options=-csearch_path=x sslcert=c sslkey=k',
    );
    assert.equal(spec.sslrootcert, join(home, 'ca.crt'));
    assert.deepEqual(
      [spec.connectTimeout, spec.options, spec.sslcert, spec.sslkey],
      [7, '-csearch_path=x', 'c', 'k'],
    );
    assert.equal(resolve('host=h sslrootcert=system').sslmode, 'verify-full');
    assert.equal(resolve('host=h', { ...bare, PGSSLMODE: 'disable' }).sslmode, 'disable');
  });
});

describe('.pgpass', () => {
  const passfile = file(
    'pgpass',
    '# comment\nother:5432:*:u:no\nh:5432:d:u:one\\:two\\\\\n*:*:*:star:any\nlocalhost:*:*:sock:local\n',
  );
  const env = { ...bare, PGPASSFILE: passfile };
  test('first match, escapes, wildcards', () => {
    assert.equal(resolve('host=h user=u dbname=d', env).password, 'one:two\\');
    assert.equal(resolve('host=h user=u dbname=e', env).password, undefined);
    assert.equal(resolve('host=zzz port=9 user=star', env).password, 'any');
    assert.equal(resolve('host=/tmp user=sock', env).password, 'local');
    assert.equal(resolve('host=h user=u dbname=d password=mine', env).password, 'mine');
  });
  test('passfile parameter goes before PGPASSFILE; a missing file is no error', () => {
    assert.equal(resolve(`host=h user=u dbname=d passfile=${join(home, 'none')}`, env).password, undefined);
  });
  test('~/.pgpass by default', () => {
    file('.pgpass', 'h:*:*:homeuser:fromhome\n');
    assert.equal(resolve('host=h user=homeuser').password, 'fromhome');
  });
  test('a file that others may read is refused where it would have answered', () => {
    const open = file('open', '*:*:*:u:s3cret\n', 0o644);
    refuses('host=h user=u', /others may read/, { ...bare, PGPASSFILE: open }, 'FF112');
    assert.equal(resolve('host=h user=v', { ...bare, PGPASSFILE: open }).password, undefined);
  });
});

test('the port of a pooler is reported', () => {
  assert.equal(resolveConnectionInput({ text: 'host=h port=6432' }, bare).poolerPort, 6432);
  assert.equal(resolveConnectionInput({ text: 'host=h' }, bare).poolerPort, undefined);
});

test('the canonical text resolves to the same connection and holds no password', () => {
  const text =
    "host=a,b hostaddr=10.0.0.1,10.0.0.2 port=1,2 user='it\\'s' dbname='a b' password=s3cret options='-c x=y' channel_binding=require target_session_attrs=primary";
  const { spec, canonical } = resolveConnectionInput({ text }, bare);
  assert.doesNotMatch(canonical, /s3cret/);
  assert.deepEqual({ ...resolve(canonical), password: 's3cret' }, spec);
});
