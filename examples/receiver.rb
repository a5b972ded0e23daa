# Receives AIsoule webhooks. Ruby 3.0 or newer, and webrick, which has been a gem since 3.0: gem install webrick
#
# WEBHOOK_SECRET=whsec_… PORT=8000 ruby receiver.rb

require "json"
require "openssl"
require "webrick"

SECRET = ENV.fetch("WEBHOOK_SECRET")
TOLERANCE = 300 # seconds that a request may be old, or ahead of this clock

EVENTS = Queue.new
SEEN = {} # keep these in your database: a unique key on webhook-id
LOCK = Mutex.new
$stdout.sync = true

# X-Webhook-Signature: that the body is AIsoule's.
def genuine?(body, signature)
  OpenSSL.secure_compare(OpenSSL::HMAC.hexdigest("SHA256", SECRET, body), signature)
end

# webhook-signature (Standard Webhooks): that the id and the time are, too, so that nobody can play it again.
def fresh?(body, id, timestamp, signatures)
  key = SECRET.delete_prefix("whsec_").unpack1("m")
  expected = "v1," + [OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{timestamp}.#{body}")].pack("m0")
  # There are two for a while after the secret was rotated.
  known = signatures.split.map { |given| OpenSSL.secure_compare(expected, given) }.any?
  known && timestamp.match?(/\A\d+\z/) && (Time.now.to_i - timestamp.to_i).abs <= TOLERANCE
end

def new?(id)
  LOCK.synchronize do
    next false if SEEN.key?(id)

    SEEN[id] = true
    SEEN.shift if SEEN.size > 10_000
    true
  end
end

# What takes time happens here, after the answer.
def work(id, body)
  payload = JSON.parse(body) # event, timestamp and data
  puts "#{payload["event"]} #{id}"
end

class Receiver < WEBrick::HTTPServlet::AbstractServlet
  def do_POST(request, response)
    body = request.body.to_s # the raw bytes: parsing and encoding again would change them
    id = request["webhook-id"].to_s
    known = genuine?(body, request["X-Webhook-Signature"].to_s) &&
            fresh?(body, id, request["webhook-timestamp"].to_s, request["webhook-signature"].to_s)
    EVENTS << [id, body] if known && new?(id)
    response.status = known ? 200 : 401 # 200 to a repeat as well: it did arrive
  end
end

Thread.new { loop { work(*EVENTS.pop) } }
settings = {
  BindAddress: "127.0.0.1", Port: ENV.fetch("PORT", "8000").to_i,
  Logger: WEBrick::Log.new($stderr, WEBrick::Log::WARN), AccessLog: []
}
if ENV["TLS_FILE"] # key and certificate in one PEM file, where no proxy or tunnel speaks TLS for this server
  require "webrick/https"
  pem = File.read(ENV["TLS_FILE"])
  certificate, *chain = OpenSSL::X509::Certificate.load(pem)
  settings.merge!(SSLEnable: true, SSLPrivateKey: OpenSSL::PKey.read(pem), SSLCertificate: certificate, SSLExtraChainCert: chain)
end
server = WEBrick::HTTPServer.new(settings)
server.mount("/", Receiver)
%w[INT TERM].each { |name| trap(name) { server.shutdown } }
server.start
