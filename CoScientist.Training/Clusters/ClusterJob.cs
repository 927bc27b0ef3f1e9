using CoScientist.Core.Runs;

namespace CoScientist.Training.Clusters;

/// <summary>A model that grades or judges for a run elsewhere.</summary>
/// <param name="Model">The model as its server names it, or its folder as the nodes name it when the trainer serves it itself.</param>
/// <param name="Endpoint">Base address of the server as the nodes see it, usually ending with /v1; null when the trainer serves it.</param>
/// <param name="KeyVariable">Environment variable of the nodes that holds the server's key; empty for servers without keys.</param>
/// <param name="TimeoutSeconds">Longest wait for one answer. Default 300.</param>
public sealed record ClusterGrader(string Model, string? Endpoint, string KeyVariable = "", int TimeoutSeconds = 300);

/// <summary>A run as it is handed to a trainer elsewhere.</summary>
/// <param name="Name">Name of the run.</param>
/// <param name="Spec">Its validated specification.</param>
/// <param name="Data">Its goals and items.</param>
/// <param name="Folder">Folder of the export as the nodes name it.</param>
/// <param name="Model">Folder of the model to train as the nodes name it.</param>
/// <param name="Grader">Who gives the reward.</param>
/// <param name="Judge">Who scores the validation goals.</param>
public sealed record ClusterJob(string Name, RunSpec Spec, RunData Data, string Folder, string Model, ClusterGrader Grader, ClusterGrader Judge);

/// <summary>A setting of the trainer, and the field of the specification that it comes from.</summary>
/// <param name="Field">The field ("learningRate"); empty when it comes from the cluster's settings or is always the same.</param>
/// <param name="Key">The trainer's name for it.</param>
/// <param name="Value">Its value, as the trainer's configuration writes it.</param>
public sealed record ClusterSetting(string Field, string Key, string Value);
