// The JavaScript side of the benchmark: @libp2p/multistream-select on TCP, next
// to a floor of its own. Reads a command a line, such as "mss 1 500": negotiate
// 500 times, success at the 1st proposal. Answers with the nanoseconds that
// took.
import './polyfill.js'
import net from 'node:net'
import readline from 'node:readline'
import { defaultLogger } from '@libp2p/logger'
import { handle, select } from '@libp2p/multistream-select'
import { AbstractMessageStream } from '@libp2p/utils'

const id = '/ipfs/id/1.0.0'
const header = message('/multistream/1.0.0')

function message (text) {
  return Buffer.concat([Buffer.from([text.length + 1]), Buffer.from(text + '\n')])
}

function proposals (k) {
  const names = []
  for (let i = 0; i < k - 1; i++) {
    names.push(`/ipfs/${String.fromCharCode(97 + i)}0/1.0.0`)
  }
  return [...names, id]
}

// The flights of both sides, as they must be.
function flights (k) {
  const asks = proposals(k).map(message)
  const answers = proposals(k).map(name => message(name === id ? id : 'na'))
  asks[0] = Buffer.concat([header, asks[0]])
  answers[0] = Buffer.concat([header, answers[0]])
  return { asks, answers }
}

// One write and one read per flight and side.
function floor (a, b, k, n) {
  const { asks, answers } = flights(k)
  return new Promise((resolve, reject) => {
    let asked = 0
    let answered = 0
    const onAsk = data => {
      if (data.length !== asks[answered % k].length) reject(new Error('a flight came in pieces'))
      b.write(answers[answered++ % k])
    }
    const onAnswer = data => {
      if (data.length !== answers[asked % k].length) reject(new Error('a flight came in pieces'))
      asked++
      if (asked < n * k) {
        a.write(asks[asked % k])
        return
      }
      a.off('data', onAnswer)
      b.off('data', onAsk)
      resolve()
    }
    a.on('data', onAnswer)
    b.on('data', onAsk)
    a.write(asks[0])
  })
}

// SocketStream does what @libp2p/tcp does with a socket.
class SocketStream extends AbstractMessageStream {
  constructor (socket, direction) {
    super({ log: defaultLogger().forComponent('bench'), direction })
    this.socket = socket
    this.onSocketData = data => { this.onData(data) }
    socket.on('data', this.onSocketData)
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

  detach () { this.socket.off('data', this.onSocketData) }
  sendReset () { this.socket.destroy() }
  sendPause () { this.socket.pause() }
  sendResume () { this.socket.resume() }
  async close () {}
}

// The package, on the same connection.
async function mss (a, b, k, n) {
  const names = proposals(k)
  const initiator = new SocketStream(a, 'outbound')
  const responder = new SocketStream(b, 'inbound')
  const answering = (async () => {
    for (let i = 0; i < n; i++) await handle(responder, id)
  })()
  for (let i = 0; i < n; i++) {
    if (await select(initiator, names) !== id) throw new Error('agreed on something else')
  }
  await answering
  initiator.detach()
  responder.detach()
}

async function connected () {
  const server = net.createServer()
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const a = net.connect(server.address().port, '127.0.0.1')
  const [b] = await Promise.all([
    new Promise(resolve => server.once('connection', resolve)),
    new Promise(resolve => a.once('connect', resolve))
  ])
  server.close()
  a.setNoDelay(true)
  b.setNoDelay(true)
  return [a, b]
}

const [a, b] = await connected()
const variants = { floor, mss }
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [variant, k, n] = line.split(' ')
  const begin = process.hrtime.bigint()
  await variants[variant](a, b, Number(k), Number(n))
  console.log(String(process.hrtime.bigint() - begin))
}
process.exit(0)
