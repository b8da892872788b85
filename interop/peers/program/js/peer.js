// @libp2p/multistream-select behind the contract of ../../README.md.
import './polyfill.js'
import net from 'node:net'
import readline from 'node:readline'
import { parseArgs } from 'node:util'
import { defaultLogger } from '@libp2p/logger'
import { handle, select } from '@libp2p/multistream-select'
import { AbstractStream } from '@libp2p/utils'

const patience = 10_000 // of a responder, in milliseconds

// SocketStream is a stream as the muxers of js-libp2p make it, over a socket.
class SocketStream extends AbstractStream {
  constructor (socket, direction) {
    super({ id: '0', log: defaultLogger().forComponent('peer'), direction })
    this.socket = socket
    socket.on('data', data => { this.onData(data) })
    socket.on('end', () => { this.onRemoteCloseWrite() })
    socket.on('error', error => { this.abort(error) })
    socket.on('close', () => { this.onTransportClosed() })
    socket.on('drain', () => { this.safeDispatchEvent('drain') })
  }

  sendData (data) {
    let sentBytes = 0
    let canSendMore = true
    for (const buf of data) {
      sentBytes += buf.byteLength
      canSendMore = this.socket.write(buf)
    }
    return { sentBytes, canSendMore }
  }

  async sendCloseWrite () { await new Promise(resolve => this.socket.end(resolve)) }
  async sendCloseRead () {}
  sendReset () { this.socket.resetAndDestroy() }
  sendPause () { this.socket.pause() }
  sendResume () { this.socket.resume() }
}

function parse (args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      lazy: { type: 'boolean', default: false },
      ls: { type: 'boolean', default: false },
      send: { type: 'string', default: '' },
      end: { type: 'string', default: 'close' },
      timeout: { type: 'string', default: '10' }
    }
  })
  const [address, ...protocols] = positionals
  if (address == null) throw new Error('an initiator needs an address')
  return { ...values, timeout: Number(values.timeout) * 1000, address, protocols }
}

function report (outcome) {
  process.stdout.write(JSON.stringify(outcome) + '\n')
}

function failure (error, detail) {
  return { ok: false, protocol: '', error, detail: String(detail?.message ?? detail) }
}

function classify (error) {
  switch (error?.name) {
    case 'UnsupportedProtocolError': return 'refused'
    case 'TimeoutError':
    case 'AbortError': return 'timeout'
    case 'UnexpectedEOFError':
    case 'StreamResetError':
    case 'StreamClosedError':
    case 'StreamStateError': return 'closed'
  }
  return ['ECONNRESET', 'EPIPE'].includes(error?.code) ? 'closed' : 'protocol'
}

async function connect (address) {
  const [host, port] = address.split(':')
  const socket = net.connect({ host, port, allowHalfOpen: true, noDelay: true })
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return new SocketStream(socket, 'outbound')
}

async function initiate (job, cancelled) {
  if (job.ls) return failure('unsupported', '@libp2p/multistream-select does not ask for lists')
  if (job.lazy) return failure('unsupported', '@libp2p/multistream-select has no lazy streams since 7.0')
  let stream
  try {
    stream = await connect(job.address)
  } catch (error) {
    return failure('local', error)
  }
  try {
    const protocol = await select(stream, job.protocols, {
      signal: AbortSignal.any([AbortSignal.timeout(job.timeout), cancelled])
    })
    let received = ''
    try {
      received = await exchange(stream, job)
    } catch (error) {
      if (job.end !== 'echo') throw error // an echo does not care what the peer does
      stream.abort(error)
    }
    return { ok: true, protocol, error: '', received, closed: ['half', 'echo'].includes(job.end) ? 'peer' : 'self' }
  } catch (error) {
    stream.abort(error) // as js-libp2p does
    return failure(classify(error), error)
  }
}

async function exchange (stream, job) {
  let received = ''
  if (job.send !== '') stream.send(Buffer.from(job.send))
  if (job.end === 'half') await stream.close()
  if (job.end === 'half' || job.end === 'echo' || (job.end === 'close' && job.send !== '')) {
    for await (const data of stream) {
      if (job.end === 'echo') stream.send(data)
      else received += Buffer.from(data.subarray()).toString()
      if (job.end === 'close' && received.length >= job.send.length) break
    }
  }
  if (job.end !== 'half') await stream.close()
  return received
}

async function serve (stream, protocols) {
  try {
    const protocol = await handle(stream, protocols, { signal: AbortSignal.timeout(patience) })
    return await answer(stream, protocol)
  } catch (error) {
    stream.abort(error)
    return failure(classify(error), error)
  }
}

async function answer (stream, protocol) {
  const hello = protocol.startsWith('/hello/')
  let echoed = 0
  try {
    if (hello) {
      stream.send(Buffer.from('hello\n'))
      await stream.close()
    }
    for await (const data of stream) {
      if (hello) continue
      stream.send(data)
      echoed += data.byteLength
    }
    await stream.close()
  } catch (error) {
    stream.abort(error)
    return { ...failure('closed', error), protocol, closed: 'reset' }
  }
  return { ok: true, protocol, error: '', echoed, closed: hello ? 'self' : 'peer' }
}

async function respond (args) {
  const { values, positionals } = parseArgs({
    args, allowPositionals: true, options: { listen: { type: 'string', default: '127.0.0.1:0' } }
  })
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, async socket => {
    const remote = `${socket.remoteAddress}:${socket.remotePort}`
    report({ ...await serve(new SocketStream(socket, 'inbound'), positionals), remote })
  })
  const [host, port] = values.listen.split(':')
  server.listen({ host, port }, () => {
    const { address, port } = server.address()
    report({ address: `${address}:${port}` })
  })
  process.stdin.resume().on('end', () => { process.exit(0) }) // whoever started it is gone
}

async function jobs () {
  let number = 0
  const cancels = new Map()
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const job = ++number
    const args = JSON.parse(line)
    const controller = new AbortController()
    cancels.set(String(job), controller)
    if (args[0] === 'cancel') {
      cancels.get(args[1])?.abort()
      continue
    }
    attempt(args, controller.signal).then(outcome => { report({ ...outcome, job }) })
  }
}

async function attempt (args, cancelled) {
  try {
    return await initiate(parse(args), cancelled)
  } catch (error) {
    return failure('local', error)
  }
}

const [role, ...args] = process.argv.slice(2)
switch (role) {
  case 'responder':
    await respond(args)
    break
  case 'jobs':
    await jobs()
    break
  case 'initiator': {
    const outcome = await attempt(args, new AbortController().signal)
    report(outcome)
    process.exitCode = outcome.ok ? 0 : outcome.error === 'unsupported' ? 127 : 1
    break
  }
  default:
    console.error('usage: responder, initiator or jobs; see interop/peers/README.md')
    process.exitCode = 2
}
