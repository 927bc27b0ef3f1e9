namespace CoScientist.Tests.Core.Fuzzing;

/// <summary>Something that reads what others wrote.</summary>
/// <param name="Seeds">Good inputs, all of which it reads.</param>
/// <param name="Read">Reads an input: false when what came back refuses it; a fault refuses it, too.</param>
/// <param name="IsOwn">Whether a fault is the parser's own and names where it lies.</param>
internal sealed record FuzzedParser(byte[][] Seeds, Func<byte[], bool> Read, Func<Exception, bool> IsOwn);
