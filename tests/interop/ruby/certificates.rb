# Makes a certificate authority, and a certificate of it for 127.0.0.1, in the folder that is named.
# frozen_string_literal: true

require "openssl"

def certificate(name, issuer, issuer_key, key, extensions)
  made = OpenSSL::X509::Certificate.new
  made.version = 2
  made.serial = OpenSSL::BN.rand(64)
  made.subject = OpenSSL::X509::Name.parse("/CN=#{name}")
  made.issuer = issuer ? issuer.subject : made.subject
  made.public_key = key
  made.not_before = Time.now - 3600
  made.not_after = Time.now + 3600
  factory = OpenSSL::X509::ExtensionFactory.new(issuer || made, made)
  extensions.each { |extension| made.add_extension(factory.create_extension(*extension)) }
  made.sign(issuer_key, "SHA256")
end

def key
  OpenSSL::PKey::EC.generate("prime256v1")
end

Dir.chdir(ARGV[0])
authority_key = key
node_key = key
authority = certificate(
  "authority", nil, authority_key, authority_key,
  [["basicConstraints", "CA:TRUE", true], ["keyUsage", "keyCertSign", true], %w[subjectKeyIdentifier hash]]
)
node = certificate(
  "node", authority, authority_key, node_key,
  [["subjectAltName", "IP:127.0.0.1"], %w[extendedKeyUsage serverAuth], %w[authorityKeyIdentifier keyid]]
)
File.write("authority.pem", authority.to_pem)
File.write("node.pem", node.to_pem)
File.write("node.key", node_key.to_pem)
