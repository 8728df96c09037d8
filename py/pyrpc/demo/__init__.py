"""What ``pyrpc demo`` runs: a three-stage job on real pictures, over nodes that it starts itself."""
