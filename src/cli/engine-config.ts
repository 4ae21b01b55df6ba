/** From parsed flags to the settings of an engine. */
import type { EngineConfig } from '../engine/engine-types.js';
import { defined } from './defined.js';
import { readToken, type HostPort } from './flags.js';
import { installedHashModules } from './hash-plugin-modules.js';

/** The flags of all commands that open an engine; each command has some of them. */
export interface EngineFlagValues {
  readonly state?: string | undefined;
  readonly port?: number | undefined;
  readonly 'port-count'?: number | undefined;
  readonly bind?: string | undefined;
  readonly lsd?: boolean | undefined;
  readonly dht?: boolean | undefined;
  readonly 'dht-bootstrap'?: readonly HostPort[] | undefined;
  readonly 'upload-limit'?: number | undefined;
  readonly 'download-limit'?: number | undefined;
  readonly 'web-seeds'?: boolean | undefined;
  readonly 'super-seeding'?: boolean | undefined;
  readonly 'max-peers'?: number | undefined;
  readonly 'upload-slots'?: number | undefined;
  readonly 'worker-threads'?: number | undefined;
  readonly 'memory-mib'?: number | undefined;
  readonly 'open-files'?: number | undefined;
  readonly 'hash-plugin'?: readonly string[] | undefined;
  readonly 'verify-with'?: string | undefined;
  readonly token?: string | undefined;
}

/**
 * @param dataDir oclif's data folder: where state lies unless `--state` says otherwise, and plugins always
 * @throws {P2P_OPTION_INVALID} {P2P_PLUGIN_INVALID}
 */
export async function engineConfig(flags: EngineFlagValues, dataDir: string): Promise<EngineConfig> {
  const hashPlugins = [...(await installedHashModules(dataDir)), ...(flags['hash-plugin'] ?? [])];
  return {
    stateDir: flags.state ?? dataDir,
    ...defined({
      port: flags.port,
      // Somebody who names a port has opened it in a firewall: another one would not do.
      portIsFixed: flags.port === undefined ? undefined : true,
      portCount: flags['port-count'],
      bindHost: flags.bind,
      localDiscovery: flags.lsd,
      // Whoever names an entry wants it used.
      dht: flags['dht-bootstrap'] === undefined ? flags.dht : true,
      dhtBootstrap: flags['dht-bootstrap'],
      uploadLimitBytesPerSec: flags['upload-limit'],
      downloadLimitBytesPerSec: flags['download-limit'],
      webSeeds: flags['web-seeds'] === false ? false : undefined,
      superSeeding: flags['super-seeding'] === false ? false : undefined,
      maxPeers: flags['max-peers'],
      uploadSlots: flags['upload-slots'],
      workerThreads: flags['worker-threads'],
      memoryMiB: flags['memory-mib'],
      openFiles: flags['open-files'],
      verifyWith: flags['verify-with']?.toLowerCase(),
      token: readToken(flags.token),
    }),
    ...(hashPlugins.length === 0 ? {} : { hashPlugins }),
  };
}
