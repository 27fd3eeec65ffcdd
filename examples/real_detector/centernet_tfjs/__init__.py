"""A detector plug-in with real weights: MobileNetV3-CenterNet, a TensorFlow.js graph, in torch.

``model_file`` reads the graph and its weights, ``operations`` says in torch what each operation of
TensorFlow does, ``graph`` runs them in order, and ``plugin`` is what spatialbench sees of it.
"""
