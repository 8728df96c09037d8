# Nodes of pyrpc: connections, and arrays.
# frozen_string_literal: true

require "pyrpc/connection"
require "pyrpc/tensors"
